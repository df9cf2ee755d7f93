"""The folder that holds everything the embedded stack keeps."""

from __future__ import annotations

import os
import pwd
import shutil
from dataclasses import dataclass
from pathlib import Path

from runfold.stack.errors import NoRoomError, StackError

UNPRIVILEGED = "nobody"
"""Whom Postgres runs as when we are root, since it refuses to be root itself."""

_ROOM_BYTES = 50_000_000


@dataclass(frozen=True, slots=True)
class Home:
    """The places inside one home."""

    root: Path

    @property
    def logs(self) -> Path:
        """One log a process."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """Lock, state, ports, password: readable by the owner only."""
        return self.root / "run"

    @property
    def kafka(self) -> Path:
        """The broker's files."""
        return self.root / "kafka"

    @property
    def postgres(self) -> Path:
        """The database's files."""
        return self.root / "postgres"

    @property
    def restoring(self) -> Path:
        """A file that is there while a back-up is being restored into this home."""
        return self.root / "restoring"

    def need_whole(self) -> None:
        """Raise StackError where a restore into this home did not finish."""
        if self.restoring.exists():
            raise StackError(
                f"A back-up is being restored into {self.root}, or its restore did not finish: "
                "nothing is started on half of it. Wait for `runfold restore` to end; where it has "
                "failed, delete that folder (with servers of your own: `artifacts` and "
                "`restoring` in it, Runfold's topics and its tables), and restore again."
            )

    def prepare(self) -> None:
        """Make the folders, or say in one sentence why that is impossible."""
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.logs, self.run, self.kafka, self.postgres):
                folder.mkdir(exist_ok=True)
                # They hold what runs are about: goals, results, addresses.
                folder.chmod(0o700)
            if os.geteuid() == 0:
                # Entered by the user of Postgres, listed by nobody.
                self.root.chmod(0o711)
                owner = pwd.getpwnam(UNPRIVILEGED)
                os.chown(self.postgres, owner.pw_uid, owner.pw_gid)
        except OSError as error:
            raise StackError(
                f"Cannot keep data in {self.root} ({error.strerror}): "
                "set RUNFOLD_HOME to a folder that you may write to."
            ) from error
        if os.geteuid() == 0 and not open_to_all(self.root):
            raise StackError(
                f"Postgres runs as {UNPRIVILEGED!r} here and cannot reach {self.root}: "
                "set RUNFOLD_HOME to a folder that every user may enter, such as /var/lib/runfold."
            )


def open_to_all(path: Path) -> bool:
    """Return whether any user may enter every folder on the way to a path."""
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))


def need_room(folder: Path) -> None:
    """Raise NoRoomError where a server would find too little room to recover its files.

    Kafka takes a log that it cannot write an index for to be corrupt, and deletes it: a broker
    that is started on a full disk loses the cluster's metadata, and every topic with them.
    """
    free = shutil.disk_usage(folder).free
    if free < _ROOM_BYTES:
        raise NoRoomError(
            f"The disk of {folder} has {free // 1_000_000} MB left: make room, "
            f"{_ROOM_BYTES // 1_000_000} MB at least."
        )
