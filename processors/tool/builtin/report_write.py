"""report.write: a Markdown file, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from runfold.processors.tool.builtin.confine import folder_beneath, parts_of, root_of
from runfold.processors.tool.builtin.contracts import contract, text
from runfold.processors.tool.context import ToolContext
from runfold.processors.tool.errors import ToolRefusedError

CONTRACT = contract(
    "report.write",
    "Write a Markdown report. The file is made or replaced as a whole.",
    {
        "path": text("File to write, relative to the root folder, ending in .md", maxLength=300),
        "markdown": text("The report", minLength=1, maxLength=1_000_000),
    },
    risk_level=1,
    idempotent=True,
    placement="pool",
)

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def run(arguments: Mapping[str, Any], context: ToolContext) -> dict[str, Any]:
    """Return the report's path, its size in bytes and its sha256."""
    path = arguments["path"]
    parts = parts_of(path)
    if not parts or not parts[-1].endswith(".md"):
        raise ToolRefusedError("A report's name ends in .md.", error_type="invalid_arguments")
    data = arguments["markdown"].encode()
    root = root_of(context)
    with folder_beneath(root, parts[:-1], make=True) as folder:
        _write(folder, parts[-1], data)
    return {
        "path": "/".join(parts),
        "location": str(root.joinpath(*parts)),
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def _write(folder: int, name: str, data: bytes) -> None:
    aside = f".{secrets.token_hex(8)}.tmp"
    try:
        with os.fdopen(os.open(aside, _NEW, 0o644, dir_fd=folder), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # Renaming replaces a link in the folder itself, never what it points to.
        os.replace(aside, name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)
    except OSError as error:
        with suppress(OSError):
            os.unlink(aside, dir_fd=folder)
        raise ToolRefusedError(
            f"The report cannot be written: {error.strerror}.",
            error_type="unavailable",
            retryable=True,
        ) from error
