"""A tool runs as the code that its contract names, or says that it cannot."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from runfold.events.calls import Outcome
from runfold.events.contents.content import json_content
from runfold.processors.tool.python import code
from runfold.processors.tool.python.code import code_digest
from runfold.processors.tool.python.code_check import CodeKeeper
from runfold.processors.tool.settings import CodeCheck, ToolSettings
from runfold.surfaces.manifests.bases import bases
from tests.tool import samples
from tests.tool.given import Bench, error_type, said

_BODY = """
from runfold.processors.tool import tool

@tool(risk_level=0)
def greet(name: str) -> str:
    \"\"\"Greet somebody.\"\"\"
    return {word!r} + name
"""
IMPLEMENTATION = "python:greeting.words:greet"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "greeting"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "words.py").write_text(_BODY.format(word="hello "))
    monkeypatch.syspath_prepend(str(tmp_path))
    forget()
    yield folder
    forget()


def forget() -> None:
    """Be a new process as far as the package is concerned."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "greeting"]:
        del sys.modules[name]
    importlib.invalidate_caches()
    code_digest.cache_clear()


def digest() -> str:
    code_digest.cache_clear()
    found = code_digest(IMPLEMENTATION)
    assert found is not None
    return found


def test_the_digest_is_that_of_the_package(package: Path) -> None:
    first = digest()
    assert digest() == first
    (package / "notes.txt").write_text("not code")
    assert digest() == first
    (package / "helper.py").write_text("A = 1\n")
    other = digest()
    assert other != first
    (package / "helper.py").write_text("A = 2\n")
    assert digest() not in {first, other}
    (package / "helper.py").unlink()
    assert digest() == first


def test_the_digest_is_that_of_what_the_distribution_needs(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = digest()
    monkeypatch.setattr(code, "owners", lambda: {"greeting": ["pytest"]})
    needing = digest()
    assert needing != bare
    monkeypatch.setattr(metadata, "version", lambda _name: "0.0.1")
    assert digest() not in {bare, needing}


def test_what_has_no_source_has_no_digest() -> None:
    for implementation in ("builtin:files.list", "python:sys:exit", "python:no_such_thing:f"):
        assert code_digest(implementation) is None


def test_a_contract_is_published_with_the_digest_where_the_module_is_trusted(
    package: Path,
) -> None:
    found = bases((), ["greeting"])(IMPLEMENTATION)
    assert found is not None
    assert found.code_digest == digest()
    assert bases((), ["other"])(IMPLEMENTATION) is None


def bench(package: Path, mode: CodeCheck) -> Bench:
    """A pool with other code than the contract that it is given was published with."""
    contract = bases((), ["greeting"])(IMPLEMENTATION)
    assert contract is not None
    (package / "words.py").write_text(_BODY.format(word="goodbye "))
    forget()
    return Bench(contract, modules=("greeting",), code=mode)


def test_other_code_is_refused_and_the_call_may_be_retried(package: Path) -> None:
    result = bench(package, CodeCheck.REFUSE).call({"name": "ann"})
    assert result.outcome is Outcome.FAILED
    assert error_type(result) == "code_mismatch"
    assert result.error is not None
    assert result.error.retryable
    assert "other code" in result.error.message


@pytest.mark.parametrize("mode", [CodeCheck.WARN, CodeCheck.IGNORE])
def test_a_setting_runs_other_code(
    package: Path, mode: CodeCheck, caplog: pytest.LogCaptureFixture
) -> None:
    pool = bench(package, mode)
    assert [said(pool.call({"name": "ann"})) for _ in range(2)] == ["goodbye ann"] * 2
    warned = [record for record in caplog.records if "other code" in record.getMessage()]
    assert len(warned) == (mode is CodeCheck.WARN)


def test_two_tools_of_one_name_are_each_warned_of(
    package: Path, caplog: pytest.LogCaptureFixture
) -> None:
    contract = bases((), ["greeting"])(IMPLEMENTATION)
    assert contract is not None
    keeper = CodeKeeper(CodeCheck.WARN)

    async def other() -> str:
        return "0" * 64

    for named in ("a" * 64, "b" * 64, "a" * 64):
        asyncio.run(keeper.check(contract.model_copy(update={"code_digest": named}), other))
    assert len(caplog.records) == 2


def test_a_contract_without_a_digest_is_not_checked() -> None:
    assert said(Bench(samples.add).call(json_content({"left": 1}))) == 2


def test_the_setting_is_one_of_three() -> None:
    assert ToolSettings.from_env({}).code is CodeCheck.REFUSE
    assert ToolSettings.from_env({"RUNFOLD_TOOL_CODE": "warn"}).code is CodeCheck.WARN
    with pytest.raises(Exception, match="one of refuse, warn, ignore"):
        ToolSettings.from_env({"RUNFOLD_TOOL_CODE": "maybe"})
