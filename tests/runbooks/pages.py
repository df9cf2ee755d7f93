"""The pages of the runbooks: their commands and queries, and which of them were typed."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docs" / "runbooks"

_BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


@dataclass
class Page:
    """One page; what is typed must stand on it, and in the end all that stands on it was typed."""

    name: str
    typed: set[str] = field(default_factory=set)

    @property
    def blocks(self) -> list[tuple[str, str]]:
        """Language and text of every block, without its indentation."""
        text = (FOLDER / f"{self.name}.md").read_text(encoding="utf-8")
        return [
            (language, "\n".join(line.removeprefix(indent) for line in body.splitlines()))
            for indent, language, body in _BLOCK.findall(text)
        ]

    @property
    def commands(self) -> list[str]:
        """Every command line."""
        return [
            line for language, body in self.blocks if language == "bash"
            for line in body.splitlines()
        ]  # fmt: skip

    @property
    def queries(self) -> list[str]:
        """Every query."""
        return [body for language, body in self.blocks if language == "sql"]

    def command(self, line: str, **stands_for: str) -> list[str]:
        """The arguments of a command line of this page, with its capital words replaced."""
        assert line in self.commands, f"{self.name}.md does not say: {line}"
        self.typed.add(line)
        words = shlex.split(line)
        assert words[0] == "runfold"
        return [stands_for.get(word, word) for word in words[1:]]

    def untyped(self) -> set[str]:
        """What stands on the page and was not typed."""
        return set(self.commands) - self.typed
