"""What the log of a process has of executions: by their level, more where it is asked for."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from runfold.events.calls import Outcome
from runfold.events.contents.content import json_content
from runfold.events.definitions.levels import LEVELS
from runfold.infra.artifacts.memory import MemoryArtifacts
from runfold.infra.settings.errors import ConfigError
from runfold.processors.tool import ToolProcessor, contract_of
from runfold.processors.tool.call_log import BY_LEVEL, CallLog
from runfold.processors.tool.claims.memory import MemoryClaims
from runfold.processors.tool.settings import ToolSettings
from tests.effects.given import tool_work
from tests.tool import samples

BEGINS, ENDED = "a tool call begins", "a tool call ended"
OF_LEVEL = {0: [], 1: [ENDED], 2: [ENDED], 3: [BEGINS, ENDED], 4: [BEGINS, ENDED]}


def logged(
    caplog: pytest.LogCaptureFixture, level: int, least: str = BY_LEVEL, left: object = 41
) -> tuple[Outcome, list[Any]]:
    """Make a call of a tool of a level; return its outcome and what was logged."""
    contract = contract_of(samples.add).model_copy(update={"risk_level": level})
    processor = ToolProcessor(
        lambda *_: contract,
        MemoryClaims(),
        MemoryArtifacts(),
        modules=["tests.tool.samples"],
        logged=CallLog(least),
    )
    work = tool_work(
        tool=contract.name, arguments=json_content({"left": left}), idempotency_key="k"
    )
    with caplog.at_level(logging.INFO, "runfold.calls"):
        result = asyncio.run(processor.call(work))
    return result.outcome, [each for each in caplog.records if each.name == "runfold.calls"]


@pytest.mark.parametrize("level", range(5))
def test_the_level_says_what_the_log_has(caplog: pytest.LogCaptureFixture, level: int) -> None:
    outcome, lines = logged(caplog, level)
    assert outcome is Outcome.SUCCEEDED
    assert [line.getMessage() for line in lines] == OF_LEVEL[level]
    assert {line.risk_level for line in lines} <= {level}


def test_a_line_has_names_and_codes_and_nothing_of_what_was_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    _, (begins, ended) = logged(caplog, 4, left=987_654)
    assert (ended.tool, ended.outcome, ended.repeated, ended.attempt) == (
        "add",
        "succeeded",
        False,
        1,
    )
    assert ended.latency_ms >= 0
    said = repr([vars(begins), vars(ended)])
    # Neither the argument nor the sum.
    assert "987654" not in said
    assert "987655" not in said


@pytest.mark.parametrize(
    ("least", "at_zero", "at_four"),
    [(BY_LEVEL, 0, 2), ("end", 1, 2), ("both", 2, 2)],
)
def test_a_setting_adds_lines_and_takes_none_away(
    caplog: pytest.LogCaptureFixture, least: str, at_zero: int, at_four: int
) -> None:
    assert len(logged(caplog, 0, least)[1]) == at_zero
    caplog.clear()
    assert len(logged(caplog, 4, least)[1]) == at_four


def test_what_was_never_executed_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    outcome, lines = logged(caplog, 4, left="no number")
    assert (outcome, lines) == (Outcome.FAILED, [])


def test_an_execution_that_fails_says_how(caplog: pytest.LogCaptureFixture) -> None:
    contract = contract_of(samples.raises)
    processor = ToolProcessor(
        lambda *_: contract, MemoryClaims(), MemoryArtifacts(), modules=["tests.tool.samples"]
    )
    with caplog.at_level(logging.INFO, "runfold.calls"):
        asyncio.run(processor.call(tool_work(tool=contract.name, arguments=json_content({}))))
    ended = [each for each in caplog.records if each.getMessage() == ENDED]
    assert [(each.outcome, each.error_type) for each in ended] == [  # type: ignore[attr-defined]
        ("failed" if contract.safe_to_repeat else "uncertain", "tool_error")
    ] * (LEVELS[contract.risk_level].lines != "none")


@pytest.mark.parametrize("said", ["none", "BOTH", "digests"])
def test_a_setting_that_would_log_less_is_refused(said: str) -> None:
    with pytest.raises(ConfigError, match="RUNFOLD_TOOL_LOG"):
        ToolSettings.from_env({"RUNFOLD_TOOL_LOG": said})
