"""docs/definitions.md says what the schemas say, and its examples work."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runfold.processors.tool import builtin_contracts
from runfold.surfaces.manifests import load
from runfold.surfaces.manifests.bases import bases
from runfold.surfaces.manifests.reference import rewritten, table

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/definitions.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_tables_are_those_of_the_schemas() -> None:
    assert rewritten(PAGE) == PAGE
    assert "`extensions.runfold.limits.max_cost`" in table("Agent")
    assert "`spec.llm.fallback_models[].trigger`" in table("Unhonoured")
    with pytest.raises(ValueError, match="no kind Spell"):
        table("Spell")


@pytest.mark.parametrize("block", blocks("yaml"))
def test_every_manifest_is_valid_and_honoured_in_full(block: str, tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(block)
    shipped = builtin_contracts()
    found = load([tmp_path], env={}, base_of=bases(shipped), builtins=shipped)
    assert found.definitions
    assert [str(each) for each in found.remarks if "not honoured" in each.message] == []


@pytest.mark.parametrize("block", blocks("python"))
def test_every_program_runs(block: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names: dict[str, object] = {}
    exec(compile(block, "docs/definitions.md", "exec"), names)
    assert names["snapshot"]
