"""YAML with the line of every field, read as JSON would be: no tags, dates or aliases."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import yaml

from runfold.surfaces.manifests.problems import Remark

MAX_FILE_BYTES = 1_000_000
"""The largest manifest file that is read, in bytes."""

MAX_DEPTH = 50

FieldPath = tuple[str | int, ...]

_COLLECTIONS = {"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}


def dotted(path: FieldPath) -> str:
    """Return a path as people write it: ``spec.tools[0].name``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


@dataclass(slots=True)
class Document:
    """One YAML document: plain values, and the line of each of them by its path."""

    file: str
    data: Any = None
    lines: dict[FieldPath, int] = field(default_factory=dict)
    problems: list[Remark] = field(default_factory=list)

    def line(self, path: FieldPath) -> int:
        """Return the line of a field, or of the nearest thing around it that is written down."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path, 1)

    def remark(self, path: FieldPath, message: str) -> Remark:
        """Return a sentence about a field of this document."""
        return Remark(self.file, self.line(path), dotted(path), message)

    def refuse(self, path: FieldPath, message: str) -> None:
        """Note that a field is wrong."""
        self.problems.append(self.remark(path, message))


class _Loader(yaml.SafeLoader):
    """The core schema of YAML 1.2: ``on`` is a word, ``2026-01-01`` and ``12:30`` are texts."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012 - PyYAML's own way

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse aliases: they make small files huge, and a reader look elsewhere."""
        if self.check_event(yaml.events.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(
                None, None, "anchors and aliases are not supported: write the value out", mark
            )
        return super().compose_node(parent, index)


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+", list("-+0123456789")),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?", list("-+.0123456789")),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), _first
    )


def _number(text: str, kind: str) -> int | float:
    number = int(text) if kind == "int" else float(text)
    if len(text) > 40 or not math.isfinite(number):
        raise ValueError(text)
    return number


def _scalar(node: yaml.ScalarNode, path: FieldPath, into: Document) -> Any:
    try:
        match node.tag.rpartition(":")[2]:
            case "str":
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


def _mapping(node: yaml.MappingNode, path: FieldPath, into: Document) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            into.problems.append(
                Remark(into.file, line, dotted(path), "a key must be a word, not a list or mapping")
            )
            continue
        key = key_node.value
        if key in found:
            message = f'the key "{key}" is written twice: keep one of them'
            into.problems.append(Remark(into.file, line, dotted((*path, key)), message))
            continue
        into.lines[*path, key] = line
        found[key] = _plain(value_node, (*path, key), into)
    return found


def _plain(node: yaml.Node, path: FieldPath, into: Document) -> Any:
    if len(path) > MAX_DEPTH:
        into.refuse(path[:3], f"nested more than {MAX_DEPTH} levels deep: flatten it")
        return None
    into.lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.CollectionNode) and node.tag not in _COLLECTIONS:
        into.refuse(path, f"the tag {node.tag} means nothing here: remove it")
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, into)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*path, at), into) for at, item in enumerate(node.value)]
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node, path, into)
    raise TypeError(f"PyYAML composed a {type(node).__name__}")


def documents(text: str, file: str) -> Iterator[Document]:
    """Yield the documents of a YAML file with their faults; empty documents are left out.

    A fault of syntax ends the file: it comes as a last document without data.
    """
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as fault:
        line = text.count("\n", 0, fault.position) + 1
        sentence = "not readable YAML: it holds a character that is not text"
        yield Document(file, problems=[Remark(file, line, "", sentence)])
        return
    try:
        while loader.check_node():
            node = cast("yaml.Node", loader.get_node())
            document = Document(file)
            document.data = _plain(node, (), document)
            if document.data is not None or document.problems:
                yield document
    except (yaml.MarkedYAMLError, RecursionError) as fault:
        mark = getattr(fault, "problem_mark", None)
        sentence = getattr(fault, "problem", None) or "nested too deep"
        line = mark.line + 1 if mark else 1
        yield Document(file, problems=[Remark(file, line, "", f"not readable YAML: {sentence}")])
    finally:
        loader.dispose()
