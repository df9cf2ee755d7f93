"""A mistake as text of the product replaced by other text, made in a copy of the tree."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tests.system.torture.faults.trouble import Trouble


class Edit(NamedTuple):
    """One replacement in one file."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """A name that says the mistake, the edits that make it, the trouble that shows it."""

    name: str
    trouble: Trouble
    edits: tuple[Edit, ...]


class StaleMutantError(Exception):
    """What a mutant replaces is not in the tree, or not only once."""


def mutate(tree: Path, mutant: Mutant) -> None:
    """Make the mistake in a tree; raises StaleMutantError where it cannot be made any more."""
    for edit in mutant.edits:
        path = tree / edit.file
        text = path.read_text()
        if text.count(edit.old) != 1:
            raise StaleMutantError(
                f"{mutant.name}: {edit.file} has the text to replace {text.count(edit.old)} times: "
                "write the mutant again"
            )
        path.write_text(text.replace(edit.old, edit.new))
