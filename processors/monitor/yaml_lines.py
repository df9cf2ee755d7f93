"""YAML with the line of every value; a key that stands twice is refused."""

from __future__ import annotations

from typing import Any, cast

import yaml

Path = tuple[str | int, ...]

MOST_BYTES = 1_000_000


class YamlError(ValueError):
    """A text that is no YAML of ours; ``line`` counts from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


def load(text: str) -> tuple[Any, dict[Path, int]]:
    """Return the value of a text and the line of each part of it; raises YamlError."""
    if len(text) > MOST_BYTES:
        raise YamlError(1, f"the file has more than {MOST_BYTES} characters")
    lines: dict[Path, int] = {}
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            raise YamlError(1, "the file is empty")
        _walk(root, (), lines)
        value = cast("Any", loader).construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(mark.line + 1 if mark else 1, error.problem or "no YAML") from error
    except yaml.YAMLError as error:
        raise YamlError(1, "the file is no YAML") from error
    finally:
        cast("Any", loader).dispose()
    return value, lines


def line_of(path: Path, lines: dict[Path, int]) -> int:
    """Return the line of a value, or of the nearest thing around it that is written down."""
    while path not in lines and path:
        path = path[:-1]
    return lines.get(path, 1)


def _walk(node: yaml.Node, path: Path, lines: dict[Path, int]) -> None:
    if len(path) > 20:
        raise YamlError(node.start_mark.line + 1, "it is nested too deeply")
    lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*path, str(key.value))
            if inner in lines:
                raise YamlError(key.start_mark.line + 1, f"{key.value!r} stands here twice")
            _walk(value, inner, lines)
            lines[inner] = key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            _walk(value, (*path, number), lines)
