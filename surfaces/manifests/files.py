"""Finding and reading manifest files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from runfold.infra.documents import MAX_FILE_BYTES, Document, documents
from runfold.surfaces.manifests.problems import Remark

SUFFIXES = {".yaml", ".yml"}

_NOT_OURS = frozenset({"node_modules", "__pycache__"})
"""Folders of other programs, which are left out, as are those whose names begin with a dot."""


def read(paths: Iterable[Path]) -> Iterator[Document]:
    """Yield every document of files and folders, which are searched for ``*.yaml`` and ``*.yml``.

    Within a folder, hidden folders and ``node_modules`` are left out.
    What cannot be read comes as a document with a problem and no data.
    """
    for path in paths:
        if not path.is_dir():
            yield from _read_one(path)
            continue
        found = sorted(_within(path))
        if not found:
            yield _unreadable(path, "no manifest in this folder: it holds no *.yaml file")
        for each in found:
            yield from _read_one(each)


def _within(folder: Path) -> Iterator[Path]:
    for each in folder.rglob("*"):
        inside = each.relative_to(folder).parts[:-1]
        hidden = any(part in _NOT_OURS or part.startswith(".") for part in inside)
        if each.suffix in SUFFIXES and not hidden and each.is_file():
            yield each


def _unreadable(path: Path, sentence: str) -> Document:
    return Document(str(path), problems=[Remark(str(path), 1, "", sentence)])


def _read_one(path: Path) -> Iterator[Document]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            sentence = f"larger than {MAX_FILE_BYTES} bytes: split it"
            yield _unreadable(path, sentence)
            return
        text = data.decode("utf-8")
    except OSError as fault:
        yield _unreadable(path, f"cannot be read: {fault.strerror or fault}")
        return
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        sentence = "not UTF-8 text: save it as UTF-8"
        yield Document(str(path), problems=[Remark(str(path), line, "", sentence)])
        return
    found = list(documents(text, str(path)))
    yield from found or [_unreadable(path, "empty: it declares nothing")]
