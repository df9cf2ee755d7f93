"""Taking fields out of a document, so that what stays keeps its lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from runfold.infra.documents import Document, FieldPath


def value_at(data: Any, path: FieldPath) -> Any:
    """Return the value at a place; None where there is none."""
    for part in path:
        if isinstance(data, dict):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            return None
    return data


def take_out(document: Document, paths: Iterable[FieldPath]) -> None:
    """Take fields and items out; a path within another one that goes is passed over."""
    items: dict[FieldPath, set[object]] = {}
    for path in paths:
        holder = value_at(document.data, path[:-1])
        if isinstance(holder, dict):
            holder.pop(path[-1], None)
        elif isinstance(holder, list):
            items.setdefault(path[:-1], set()).add(path[-1])
    # The innermost lists first: the places of the others still hold.
    for path in sorted(items, key=len, reverse=True):
        every = value_at(document.data, path)
        if isinstance(every, list):
            keep_items(document, path, [at for at in range(len(every)) if at not in items[path]])


def keep_items(document: Document, path: FieldPath, kept: Sequence[int]) -> None:
    """Keep these items of a list, by their places, and the lines that they stand on."""
    items = value_at(document.data, path)
    items[:] = [items[at] for at in kept]
    now, width = {before: at for at, before in enumerate(kept)}, len(path)
    moved = {}
    for each, line in document.lines.items():
        if each[:width] != path or len(each) == width:
            moved[each] = line
        elif each[width] in now:
            moved[*path, now[each[width]], *each[width + 1 :]] = line  # type: ignore[index]
    document.lines = moved
