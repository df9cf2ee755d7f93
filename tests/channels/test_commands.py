"""``runfold render``, ``runfold handoff`` and ``runfold run --profile``."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from runfold.events import run as j
from runfold.events import topics
from runfold.processors.definitions.record import announce
from runfold.surfaces.cli import exits
from runfold.surfaces.cli.__main__ import run
from tests.channels.given import ASKS, FINISHED
from tests.channels.test_profiles import brief
from tests.deciders.given import RUN
from tests.surfaces.answering import answering, context_of


def said(capsys: pytest.CaptureFixture[str], *words: str, log: object = None) -> str:
    context = context_of(log or answering(*FINISHED))  # type: ignore[arg-type]
    assert run(list(words), context) == exits.OK
    return str(capsys.readouterr().out)


def test_a_run_is_shown_as_a_channel_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    slack = json.loads(said(capsys, "render", RUN, "--channel", "slack"))
    assert slack["blocks"][0]["text"]["text"] == "Assess the renewal risk of Acme"
    assert "<article" in said(capsys, "render", RUN, "--channel", "web")
    shape = json.loads(said(capsys, "render", RUN, "--channel", "voice", "--json"))
    assert (shape["seq"], shape["body"]["hand_off"]) == (16, "email")


def test_a_published_profile_decides_how(capsys: pytest.CaptureFixture[str]) -> None:
    log = answering(*FINISHED)
    log.publish(topics.REGISTRY, announce(brief(), "me", datetime.now(UTC)), "k")
    long = said(capsys, "render", RUN, log=log)
    short = said(capsys, "render", RUN, "--profile", "brief", log=log)
    assert len(short) < len(long)
    context = context_of(log)
    assert run(["render", RUN, "--profile", "loud"], context) == exits.NOT_FOUND
    assert "definitions list response_profile" in capsys.readouterr().err
    assert run(["render", RUN, "--channel", "slak"], context) == exits.BAD_INPUT


def test_a_live_run_is_handed_to_another_channel(capsys: pytest.CaptureFixture[str]) -> None:
    log = answering(*ASKS)
    spoken = json.loads(said(capsys, "handoff", RUN, "--to", "voice", log=log))
    assert spoken["text"].startswith("Already said: the goal")
    assert spoken["text"].endswith("Which year? You can say 2026 or 2027.")
    assert spoken["expects"]["kind"] == "question"
    fresh = said(capsys, "handoff", RUN, "--to", "cli", "--seen", "0", log=log)
    assert "Since then" in fresh
    assert "Already said" not in fresh


def test_a_run_is_asked_for_with_a_profile(capsys: pytest.CaptureFixture[str]) -> None:
    log = answering()
    said(capsys, "run", "x", "--agent", "worker", "--profile", "voice", log=log)
    facts = [each.record.fact for each in log.read(topics.EVENTS)]  # type: ignore[union-attr]
    (created,) = [each for each in facts if isinstance(each, j.RunCreated)]
    assert created.profile is not None
    assert created.profile.name == "voice"
