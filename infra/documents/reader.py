"""From YAML text to documents: plain values with their lines, and every fault with its line.

Aliases and merge keys are followed. What they expand to is bounded, since a few lines of aliases
can stand for more than a machine holds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, cast

import yaml

from runfold.infra.documents.document import Document, FieldPath, Remark, dotted
from runfold.infra.documents.syntax import Alias, Loader

MAX_FILE_BYTES = 1_000_000
"""The largest file that is read, in bytes."""

MAX_DEPTH = 50

MAX_EXPANDED = 1_000_000
"""What the aliases of one document may expand to, in characters; each value counts as 16 more."""

_COLLECTIONS = {"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}
_MERGE = "tag:yaml.org,2002:merge"


class _TooMuchError(Exception):
    """The aliases of a document expand to too much; reading it ends."""


def documents(text: str, file: str) -> Iterator[Document]:
    """Yield the documents of a YAML text with their faults; empty documents are left out.

    A fault of syntax ends the file: it comes as a last document without data.
    """
    if len(text) > MAX_FILE_BYTES:
        yield _broken(file, 1, f"it has more than {MAX_FILE_BYTES} characters")
        return
    try:
        loader = Loader(text)
    except yaml.reader.ReaderError as fault:
        line = text.count("\n", 0, fault.position) + 1
        yield _broken(file, line, "it holds a character that is not text")
        return
    try:
        while loader.check_node():
            document = Document(file)
            document.data = _Reading(document).document(cast("yaml.Node", loader.get_node()))
            if document.data is not None or document.problems:
                yield document
    except (yaml.MarkedYAMLError, RecursionError) as fault:
        mark = getattr(fault, "problem_mark", None)
        sentence = getattr(fault, "problem", None) or "nested too deep"
        yield _broken(file, mark.line + 1 if mark else 1, sentence)
    finally:
        loader.dispose()


def single(text: str, file: str) -> Document:
    """Return the one document of a text; one without data and with a problem where it has none."""
    found = list(documents(text, file))
    if not found:
        return Document(file, problems=[Remark(file, 1, "", "the file is empty")])
    if len(found) > 1 and not found[0].problems:
        line = found[1].problems[0].line if found[1].problems else found[1].line(())
        found[0].problems.append(Remark(file, line, "", "one document was expected, not several"))
    return found[0]


def _broken(file: str, line: int, sentence: str) -> Document:
    return Document(file, problems=[Remark(file, line, "", f"not readable YAML: {sentence}")])


class _Reading:
    """Makes plain values of one document's nodes."""

    def __init__(self, into: Document) -> None:
        self._into = into
        self._open: list[yaml.Node] = []
        self._expanded = 0
        self._aliases = 0

    def document(self, root: yaml.Node) -> Any:
        try:
            return self._plain(root, ())
        except _TooMuchError as fault:
            self._into.problems = [self._into.remark((), str(fault))]
            return None

    def _plain(self, node: yaml.Node, path: FieldPath) -> Any:
        into = self._into
        if len(path) > MAX_DEPTH:
            into.refuse(path[:3], f"nested more than {MAX_DEPTH} levels deep: flatten it")
            return None
        into.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, Alias):
            return self._followed(node, path)
        self._count(node)
        if isinstance(node, yaml.CollectionNode) and node.tag not in _COLLECTIONS:
            into.refuse(path, f"the tag {node.tag} means nothing here: remove it")
        self._open.append(node)
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            if isinstance(node, yaml.SequenceNode):
                return [self._plain(item, (*path, at)) for at, item in enumerate(node.value)]
            if isinstance(node, yaml.ScalarNode):
                return _scalar(node, path, into)
        finally:
            self._open.pop()
        raise TypeError(f"PyYAML composed a {type(node).__name__}")

    def _followed(self, alias: Alias, path: FieldPath) -> Any:
        if any(each is alias.target for each in self._open):
            self._into.refuse(path, "the alias stands within what it names: write the value out")
            return None
        self._aliases += 1
        try:
            return self._plain(alias.target, path)
        finally:
            self._aliases -= 1

    def _count(self, node: yaml.Node) -> None:
        """Count what stands there because of an alias; the rest is bounded by the file's size."""
        if not self._aliases:
            return
        self._expanded += 16 + (len(node.value) if isinstance(node, yaml.ScalarNode) else 0)
        if self._expanded > MAX_EXPANDED:
            raise _TooMuchError(
                f"its aliases expand to more than {MAX_EXPANDED} characters: write less of it out"
            )

    def _mapping(self, node: yaml.MappingNode, path: FieldPath) -> dict[str, Any]:
        into = self._into
        found: dict[str, Any] = {}
        # First what is merged, so that the lines of what is written here hold.
        merged: dict[str, Any] = {}
        for said, value_node in node.value:
            if said.tag == _MERGE:
                merged = {**self._merged(value_node, path), **merged}
        for said, value_node in node.value:
            line = said.start_mark.line + 1
            key_node = said.target if isinstance(said, Alias) else said
            if not isinstance(key_node, yaml.ScalarNode):
                sentence = "a key must be a word, not a list or mapping"
                into.problems.append(Remark(into.file, line, dotted(path), sentence))
                continue
            if key_node.tag == _MERGE:
                continue
            key = key_node.value
            if key in found:
                message = f'the key "{key}" is written twice: keep one of them'
                into.problems.append(Remark(into.file, line, dotted((*path, key)), message))
                continue
            into.lines[*path, key] = line
            found[key] = self._plain(value_node, (*path, key))
        return {**merged, **found} if merged else found

    def _merged(self, node: yaml.Node, path: FieldPath) -> dict[str, Any]:
        """Return what ``<<`` brings: a mapping, or several of which the first ones hold."""
        target = node.target if isinstance(node, Alias) else node
        parts = target.value if isinstance(target, yaml.SequenceNode) else [node]
        brought: dict[str, Any] = {}
        self._aliases += isinstance(node, Alias)
        for part in reversed(parts):
            value = self._plain(part, path)
            if isinstance(value, dict):
                brought.update(value)
            elif not self._into.problems:
                self._into.refuse(path, "<< takes a mapping, or a list of mappings")
        self._aliases -= isinstance(node, Alias)
        return brought


def _scalar(node: yaml.ScalarNode, path: FieldPath, into: Document) -> Any:
    try:
        match node.tag.rpartition(":")[2]:
            case "str" | "merge":
                node.value.encode()
                return node.value
            case "null":
                return None
            case "bool":
                return {"true": True, "false": False}[node.value.lower()]
            case "int" | "float" as kind:
                return _number(node.value, kind)
            case _:
                pass
    except (ValueError, KeyError):
        pass
    into.refuse(path, f"the value {node.value[:40]!r} is not a text, number, true, false or null")
    return None


def _number(text: str, kind: str) -> int | float:
    number = int(text) if kind == "int" else float(text)
    if len(text) > 40 or not math.isfinite(number):
        raise ValueError(text)
    return number
