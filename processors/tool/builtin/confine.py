"""File access beneath a declared root, whatever a path says.

Every folder on the way is opened beneath its parent and never through a symbolic link, so there
is no moment between checking a path and using it. Hard links cannot be told from files: keep a
root on which only trusted programs write.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from runfold.processors.tool.context import ToolContext
from runfold.processors.tool.errors import ToolRefusedError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK opening a named pipe would wait for its writer.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_PLAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def root_of(context: ToolContext) -> Path:
    """Return the root that the contract declares; ``{tenant_id}`` and ``{run_id}`` are filled in.

    Raises ToolRefusedError if there is none.
    """
    declared = context.config.get("root")
    if not isinstance(declared, str) or not declared.startswith("/"):
        raise ToolRefusedError(
            "The tool has no root folder.",
            error_type="unavailable",
            suggested_next_action="Set config.root in the tool's contract to an absolute path.",
        )
    for name, value in (("tenant_id", context.tenant_id), ("run_id", context.run_id)):
        if f"{{{name}}}" in declared:
            if not _PLAIN_ID.fullmatch(value):
                raise _refused(f"{name} cannot name a folder")
            declared = declared.replace(f"{{{name}}}", value)
    return Path(declared)


def parts_of(path: str) -> tuple[str, ...]:
    """Return a relative path's parts; raises ToolRefusedError for one that could lead out."""
    parts = PurePosixPath(path).parts
    if "\0" in path or path.startswith("/") or ".." in parts:
        raise _refused(f"{path!r} leads out of the root folder")
    return parts


def shown(name: str) -> str:
    r"""Return a file's name as it can be written: bytes that are not UTF-8 as ``\xff``."""
    return os.fsencode(name).decode(errors="backslashreplace")


@contextmanager
def folder_beneath(root: Path, parts: tuple[str, ...], *, make: bool = False) -> Iterator[int]:
    """Open a folder beneath the root; ``make`` makes those that are missing, the root too."""
    if make:
        root.mkdir(parents=True, exist_ok=True)
    handle = _opened("the root folder", str(root), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts:
            if make:
                _make(part, handle)
            inner = _opened("/".join(parts), part, _FOLDER, handle)
            os.close(handle)
            handle = inner
        yield handle
    finally:
        os.close(handle)


@contextmanager
def file_beneath(root: Path, path: str) -> Iterator[int]:
    """Open a regular file beneath the root for reading."""
    parts = parts_of(path)
    if not parts:
        raise _refused(f"{path!r} is a folder")
    with folder_beneath(root, parts[:-1]) as folder:
        handle = _opened(path, parts[-1], _FILE, folder)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise _refused(f"{path!r} is no regular file")
        yield handle
    finally:
        os.close(handle)


def _opened(shown: str, name: str, flags: int, folder: int | None = None) -> int:
    try:
        return os.open(name, flags, dir_fd=folder)
    except FileNotFoundError as error:
        raise ToolRefusedError(
            f"{shown} does not exist.",
            error_type="not_found",
            suggested_next_action="List the folder to see what there is.",
        ) from error
    except OSError as error:
        # ELOOP and ENOTDIR are how a link shows itself here.
        raise _refused(
            f"{shown} cannot be opened as what it should be: {error.strerror}"
        ) from error


def _make(name: str, folder: int) -> None:
    try:
        os.mkdir(name, 0o755, dir_fd=folder)
    except FileExistsError:
        return
    except OSError as error:
        raise _refused(f"{name} cannot be made: {error.strerror}") from error


def _refused(reason: str) -> ToolRefusedError:
    return ToolRefusedError(
        f"{reason[:1].upper()}{reason[1:]}.",
        error_type="denied",
        suggested_next_action="Use a path relative to the root folder, without links.",
    )
