"""The list of mutants stays applicable: what each one replaces is in the tree, once."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.system.torture.mutation.mutant import Edit, Mutant, StaleMutantError, mutate
from tests.system.torture.mutation.mutants import MUTANTS
from tests.system.torture.round import ROOT


def _copy(tree: Path, mutant: Mutant) -> None:
    for edit in mutant.edits:
        target = tree / edit.file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text((ROOT / edit.file).read_text())


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_can_be_made_and_is_python(mutant: Mutant, tmp_path: Path) -> None:
    _copy(tmp_path, mutant)
    mutate(tmp_path, mutant)
    for edit in mutant.edits:
        changed = (tmp_path / edit.file).read_text()
        assert changed != (ROOT / edit.file).read_text()
        ast.parse(changed)


def test_there_are_enough_of_them() -> None:
    assert len({mutant.name for mutant in MUTANTS}) >= 15


def test_a_mutant_whose_text_is_gone_is_told(tmp_path: Path) -> None:
    stale = Mutant("stale", MUTANTS[0].trouble, (Edit("a.py", "gone", ""),))
    (tmp_path / "a.py").write_text("here")
    with pytest.raises(StaleMutantError, match="write the mutant again"):
        mutate(tmp_path, stale)
