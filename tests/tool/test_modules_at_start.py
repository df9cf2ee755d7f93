"""Modules of tools are imported when their process starts: what fails is known before a call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from runfold.infra.metrics.table import TABLE
from runfold.processors.tool.children import importing
from runfold.processors.tool.children.at_start import imported_at_start
from runfold.processors.tool.children.children import Children

GOOD = "from runfold import tool\n@tool(risk_level=0)\ndef f() -> int:\n    'F.'\n    return 1\n"
BOUND_S = 60


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(BOUND_S):
        while not done():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.02)


def gauge() -> float | None:
    return TABLE.registry.get_sample_value("runfold_tool_modules_faulty")


def test_what_fails_is_said_with_its_place_until_it_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(importing, "_AGAIN_S", 0.05)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "at_start_good.py").write_text(GOOD)
    broken = tmp_path / "at_start_broken.py"
    broken.write_text("\nimport a_client_that_nobody_installed\n")
    children = Children(("at_start_broken", "at_start_good", "os"))

    async def story() -> None:
        async with children, imported_at_start(children):
            assert children.told()["importing"] == ["at_start_broken", "at_start_good"]
            await until(lambda: children.told()["importing"] == [])
            faults = {each["module"]: each["why"] for each in children.faults()}
            assert faults == {
                "at_start_broken": "at_start_broken cannot be imported: ModuleNotFoundError: No "
                "module named 'a_client_that_nobody_installed' (at_start_broken.py:2).",
                "os": "os is a module of Python itself, and holds no tools",
            }
            assert gauge() == 2
            broken.write_text(GOOD)
            await until(lambda: [each["module"] for each in children.faults()] == ["os"])
            assert (await children.find("at_start_broken:f")).digest is not None

    asyncio.run(story())
    said = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
    assert [line for line in said if "at_start_broken" in line] == said[:1]
    assert "tools of at_start_broken do not work here" in said[0]


def test_whoever_ends_does_not_wait_for_an_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "at_start_slow.py").write_text("import time\ntime.sleep(600)\n")
    children = Children(("at_start_slow",))

    async def story() -> None:
        async with asyncio.timeout(BOUND_S), children, imported_at_start(children):
            await asyncio.sleep(0)
            assert children.told() == {
                "allowed": ("at_start_slow",),
                "importing": ["at_start_slow"],
                "faults": [],
            }

    asyncio.run(story())
