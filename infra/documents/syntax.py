"""YAML as PyYAML composes it, by the core schema of YAML 1.2, with aliases kept as such."""

from __future__ import annotations

import re
from typing import Any

import yaml


class Alias(yaml.Node):
    """A place that names an anchor: the node that stands for it, and the alias's own place."""

    id = "alias"

    def __init__(self, target: yaml.Node, start: yaml.Mark, end: yaml.Mark) -> None:
        super().__init__(target.tag, None, start, end)
        self.target = target


class Loader(yaml.SafeLoader):
    """Makes nodes only. ``on`` is a word, ``2026-01-01`` and ``12:30`` are texts."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012 - PyYAML's own way

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Return the next node; an alias keeps the line that it stands on."""
        if not self.check_event(yaml.events.AliasEvent):
            return super().compose_node(parent, index)
        event = self.peek_event()  # type: ignore[no-untyped-call]
        target = super().compose_node(parent, index)
        return Alias(target, event.start_mark, event.end_mark) if target is not None else None


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+", list("-+0123456789")),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?", list("-+.0123456789")),
    ("merge", r"<<", ["<"]),
):
    Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), _first
    )
