"""files.list: what a folder holds."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from fnmatch import fnmatch
from typing import Any

from runfold.processors.tool.builtin.confine import folder_beneath, parts_of, root_of, shown
from runfold.processors.tool.builtin.contracts import contract, flag, number, text
from runfold.processors.tool.context import ToolContext

_KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}
_LOOKED_AT = 20_000

CONTRACT = contract(
    "files.list",
    "List the files of a folder, with size in bytes and time of change. Links are shown and "
    "never followed.",
    {
        "path": text("Folder, relative to the root folder", default=".", maxLength=1000),
        "pattern": text("Only names like this, for example *.log", default="*", maxLength=200),
        "recursive": flag("Look into folders too", default=False),
        "limit": number("Most entries to return", 1, 2000, 200),
    },
)


def run(arguments: Mapping[str, Any], context: ToolContext) -> dict[str, Any]:
    """Return the entries in order of their paths."""
    parts = parts_of(arguments.get("path", "."))
    limit = arguments.get("limit", 200)
    found: list[dict[str, Any]] = []
    with folder_beneath(root_of(context), parts) as folder:
        for seen, entry in enumerate(_entries(folder, "/".join(parts), arguments)):
            if len(found) == limit or seen == _LOOKED_AT:
                return {"entries": found, "truncated": True}
            if fnmatch(entry["path"].rpartition("/")[2], arguments.get("pattern", "*")):
                found.append(entry)
    return {"entries": found, "truncated": False}


def _entries(folder: int, prefix: str, arguments: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for _top, folders, files, handle in os.fwalk(".", dir_fd=folder, follow_symlinks=False):
        folders.sort()
        inside = _top.removeprefix(".").strip("/")
        place = "/".join(part for part in (prefix, inside) if part)
        for name in sorted([*folders, *files]):
            try:
                held = os.stat(name, dir_fd=handle, follow_symlinks=False)
            except FileNotFoundError:
                continue
            yield {
                "path": shown(f"{place}/{name}" if place else name),
                "type": _KINDS.get(stat.S_IFMT(held.st_mode), "other"),
                "size": held.st_size,
                "modified": datetime.fromtimestamp(int(held.st_mtime), UTC).isoformat(),
            }
        if not arguments.get("recursive", False):
            return
