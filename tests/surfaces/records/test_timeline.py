"""A run's lines on the screen: time, status, cost so far, and what happened in plain words."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from rich.console import Console

from runfold.events import run as j
from runfold.events.avro.samples import sample
from runfold.events.base import Fact
from runfold.events.catalogue import FACTS
from runfold.events.contents.content import Content, json_content, text
from runfold.events.run import Event
from runfold.events.traits import Tone
from runfold.events.values import RunStatus
from runfold.surfaces.cli.runs.timeline import Line, Progress, laid_out, rendered, show, tone_of
from runfold.surfaces.words import arguments, model_name, money, result, said, spent
from tests.deciders.given import RUN, answer, call, done, request
from tests.support.builders.stories import STORIES, Step, history


def lines(*steps: Step) -> list[tuple[Fact, Line]]:
    progress, found = Progress(), []
    for event in history(steps)[0]:
        progress, line = show(progress, event)
        found.append((event.fact, line))
    return found


def line_of(kind: type[Fact], *steps: Step) -> Line:
    return next(line for fact, line in lines(*steps) if isinstance(fact, kind))


def test_a_line_has_time_elapsed_status_and_the_cost_so_far() -> None:
    line = line_of(j.ToolCallSucceeded, *STORIES["is approved"])
    assert line.elapsed == timedelta(seconds=3)
    assert line.status is RunStatus.CHECKPOINTING
    assert line.cost == Decimal("0.01")
    shown = rendered(line).plain
    assert "3.00s checkpointing      $0.0100  • #2 write → " in shown


def test_who_decided_is_said() -> None:
    approved = line_of(j.ToolCallApproved, *STORIES["is approved"])
    assert approved.text.startswith("#2 approved by person-1 (person)")
    let_through = line_of(j.ToolCallApproved, request(), answer(call("look")))
    assert let_through.text == "#2 may run: no approval needed (policy rulebook)"
    denied = line_of(j.ToolCallDenied, request(), answer(call("nothing")))
    assert denied.text.startswith("#2 denied by rulebook (policy): ")


def test_a_run_older_than_a_day_has_dates_and_a_zone() -> None:
    old = lines(*STORIES["is approved"])[-1][1]
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} ", rendered(old).plain)
    event = history(STORIES["is approved"])[0][0]
    young = Event(event.meta.model_copy(update={"time": datetime.now(UTC)}), event.fact)
    assert re.match(r"\d\d:\d\d:\d\d +0\.00s ", rendered(show(Progress(), young)[1]).plain)


def test_a_line_for_another_program_is_of_a_length_that_people_read() -> None:
    line = replace(line_of(j.ToolCallSucceeded, *STORIES["is approved"]), text="word " * 100)
    assert len(rendered(line).plain) <= 200


@pytest.mark.parametrize("width", [30, 40, 80])
def test_a_line_fits_a_terminal(width: int) -> None:
    line = replace(line_of(j.ToolCallSucceeded, *STORIES["is approved"]), text="word " * 40)
    console = Console(width=width, file=StringIO(), force_terminal=False)
    with console.capture() as captured:
        console.print(laid_out(line, width))
    shown = captured.get().splitlines()
    assert max(map(len, shown)) <= width
    assert "".join(shown).count("word") == 40


def test_an_unknown_price_is_said_and_is_not_zero() -> None:
    free = answer(call("look"), cost=None)
    assert "unpriced" in rendered(line_of(j.ModelResponded, request(), free)).plain
    assert spent(Decimal("0.5"), 1) == "$0.5000+?"
    assert spent(Decimal(0), 0) == "$0.00"


def test_a_script_is_labelled_as_one() -> None:
    line = line_of(j.ModelResponded, request(), done())
    assert line.text.startswith("x (scripted, no model) chose complete_task")
    assert model_name("openai:gpt", "openai") == "openai:gpt"
    assert model_name("anything", "scripted") == "anything (scripted, no model)"


def test_what_went_wrong_and_what_waits_stands_out() -> None:
    wrong = {fact: line.tone for fact, line in lines(*STORIES["retries a tool"])}
    tones = {type(fact): tone for fact, tone in wrong.items()}
    assert tones[j.ToolCallFailed] is Tone.WARNING
    assert tones[j.RetryScheduled] is Tone.WARNING
    assert line_of(j.ApprovalRequested, *STORIES["is approved"]).tone is Tone.ASK
    assert line_of(j.RunFailed, *STORIES["gives up"]).tone is Tone.BAD
    assert line_of(j.RunCompleted, *STORIES["completes"]).tone is Tone.GOOD


def test_a_permit_is_quiet_and_a_refusal_is_not() -> None:
    permit = line_of(j.PolicyDecided, request(), answer(call("look")))
    forbid = line_of(j.PolicyDecided, request(), answer(call("nothing")))
    assert (permit.tone, forbid.tone) == (Tone.QUIET, Tone.WARNING)
    by_policy = j.ToolCallApproved(call_id=f"{RUN}.2")
    by_person = j.ToolCallApproved(call_id=f"{RUN}.2", request_id="r")
    assert (tone_of(by_policy), tone_of(by_person)) == (Tone.QUIET, Tone.PLAIN)


@pytest.mark.parametrize("kind", FACTS, ids=lambda kind: kind.__name__)
def test_every_fact_has_words_on_one_line(kind: type[Fact]) -> None:
    fact = sample(kind)
    assert isinstance(fact, Fact)
    words = said(fact)
    assert words
    assert "\n" not in words
    assert len(words) < 600


@pytest.mark.parametrize("name", STORIES)
def test_every_event_of_every_story_has_a_line(name: str) -> None:
    found = lines(*STORIES[name])
    assert len(found) == len(history(STORIES[name])[0])
    assert all("\n" not in line.text for _, line in found)


def test_arguments_and_results_are_shortened() -> None:
    long = json_content({"path": "a" * 500, "list": [1, 2, 3], "of": {"x": 1}})
    assert len(arguments(long)) <= 60
    assert arguments(json_content({"n": 1, "list": [1, 2]})) == "list=[2], n=1"
    assert result(json_content([1, 2, 3])) == "3 items"
    assert result(json_content({"summary": "all\nis well", "x": 1})) == "all is well"
    assert result(json_content(None)) == "null"
    assert result(text("plain words")) == "plain words"


def test_what_is_not_inline_is_told_by_its_size() -> None:
    stored = Content(media_type="text/plain", size=5_000_000, digest=bytes(32), ref="artifact:x")
    assert result(stored) == "5,000,000 bytes in the artifact store"
    assert "5,000,000 bytes" in arguments(stored)


def test_money_is_as_exact_as_it_needs_to_be() -> None:
    assert money(Decimal("0.000123")) == "$0.0001"
    assert money(Decimal("12.3456")) == "$12.35"
