"""Filesystems of their own for the data of servers, so that one can be full and no other is.

Each is an image in a file, mounted in a name space of mounts that only the harness and its children
see: it goes with them, however they end.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_BYTES = 1_500_000_000
_CLONE_NEWNS = 0x20000
_BALLAST = "ballast"
_SMALLEST = 4096


@dataclass(frozen=True, slots=True)
class Disk:
    """A mounted filesystem."""

    folder: Path

    def fill(self) -> None:
        """Leave no block free."""
        with (self.folder / _BALLAST).open("wb") as file:
            size, end = shutil.disk_usage(self.folder).free, 0
            while size >= _SMALLEST:
                try:
                    os.posix_fallocate(file.fileno(), end, size)
                    end += size
                except OSError:
                    size //= 2

    def free(self) -> None:
        """Give the room back."""
        (self.folder / _BALLAST).unlink(missing_ok=True)

    def unmount(self) -> None:
        """Take it away; what was on it stays in its image."""
        _run("umount", "--lazy", str(self.folder))


def mount(*folders: Path) -> tuple[dict[Path, Disk], str]:
    """Mount a disk at each folder; where that is not permitted, none, and the reason."""
    found: dict[Path, Disk] = {}
    try:
        _apart()
        for folder in folders:
            owner = folder.stat()
            image = folder.with_name(folder.name + ".image")
            with image.open("wb") as file:
                file.truncate(_BYTES)
            # No block is kept for root: the servers run as different users.
            _run("mkfs.ext4", "-q", "-m", "0", str(image))
            _run("mount", "-o", "loop", str(image), str(folder))
            found[folder] = Disk(folder)
            os.chown(folder, owner.st_uid, owner.st_gid)
    except (OSError, subprocess.CalledProcessError) as error:
        for disk in found.values():
            disk.unmount()
        said = getattr(error, "stderr", b"") or str(error).encode()
        return {}, said.decode().strip().splitlines()[-1]
    return found, ""


def _apart() -> None:
    """See mounts that nobody else sees, from now on."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "a name space of mounts")
    _run("mount", "--make-rprivate", "/")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
