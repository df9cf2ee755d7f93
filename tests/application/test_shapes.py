"""The public shapes are a contract: their schemas are kept, and a change of one is seen."""

from __future__ import annotations

import inspect
import json
from decimal import Decimal
from pathlib import Path

import pytest

from runfold.events.avro.samples import sample
from runfold.events.base import Fact
from runfold.events.catalogue import FACTS
from runfold.events.contents.content import json_content, text
from runfold.events.run import Event, Meta
from runfold.events.values import Exit, ExitUsage
from runfold.surfaces.application import shapes
from runfold.surfaces.application.rendering import completion_of, event_of, to_json
from runfold.surfaces.application.runs.reading.run_detail import RunFold
from tests.support.builders.stories import STORIES, history

RELEASED = Path(__file__).parent / "shapes"


def declared() -> dict[str, type[shapes.Shape]]:
    """Every shape that is an answer of its own."""
    return {
        name: kind
        for name, kind in inspect.getmembers(shapes, inspect.isclass)
        if issubclass(kind, shapes.Shape) and kind is not shapes.Shape
    }


@pytest.mark.parametrize("name", declared())
def test_a_shape_is_as_it_was_released(name: str) -> None:
    """A field that is new goes into the file; one that is gone or other needs a new SHAPE."""
    released = json.loads((RELEASED / f"{name}.json").read_text())
    assert declared()[name].model_json_schema() == released


def test_no_released_shape_has_gone() -> None:
    assert {path.stem for path in RELEASED.glob("*.json")} == set(declared())


def test_a_completion_has_the_names_and_types_of_the_completion_signal() -> None:
    usage = ExitUsage(
        total_tokens=1420, input_tokens=1400, output_tokens=20, cost_usd=Decimal("0.042"),
        latency_ms=850, model_calls=2, tool_calls=1,
    )  # fmt: skip
    payload = {"cve_count": 12, "severity": "high", "artifacts": ["reports/security-audit-v1.pdf"]}
    ended = Exit(
        status="success", exit_code=0, signal="complete_task", payload=json_content(payload),
        usage=usage,
    )  # fmt: skip
    said = json.loads(to_json(completion_of(ended)))
    assert said["status"] == "success"
    assert said["exit_code"] == 0
    assert said["payload"] == payload
    wanted = {"total_tokens": 1420, "cost_usd": 0.042, "latency_ms": 850}
    assert {name: said["usage"][name] for name in wanted} == wanted


@pytest.mark.parametrize("kind", FACTS, ids=lambda kind: kind.__name__)
def test_every_fact_has_its_amounts_as_numbers(kind: type[Fact]) -> None:
    meta, fact = sample(Meta), sample(kind)
    assert isinstance(meta, Meta)
    assert isinstance(fact, Fact)
    shown = json.loads(to_json(event_of(Event(meta, fact))), parse_float=Decimal)
    assert shown["type"] == kind.__name__
    for name, value in fact:
        if isinstance(value, Decimal):
            assert not isinstance(shown["fact"][name], str)
            assert Decimal(shown["fact"][name]) == value


@pytest.mark.parametrize(
    ("amount", "written"),
    [("0.042000000000", "0.042"), ("100.000000000000", "100"), ("0E-12", "0"), ("-1.50", "-1.5"),
     ("0.000000000001", "1E-12"), ("12345678901234567890.000000000001",
      "12345678901234567890.000000000001")],
)  # fmt: skip
def test_an_amount_is_a_number_with_every_digit(amount: str, written: str) -> None:
    said = to_json({"cost_usd": Decimal(amount)})
    assert json.loads(said, parse_float=Decimal, parse_int=Decimal) == {
        "cost_usd": Decimal(written)
    }


@pytest.mark.parametrize("name", STORIES)
def test_a_run_can_be_shown_after_each_of_its_events(name: str) -> None:
    fold = RunFold()
    assert fold.detail() is None
    for event in history(STORIES[name])[0]:
        fold.take(event)
        detail, state = fold.detail(), fold.state()
        assert detail is not None
        assert state is not None
        assert detail.seq == event.meta.seq
        assert detail.requires_approval == any(w.kind == "approval" for w in detail.waits_for)
        assert {w.call_id for w in detail.waits_for} <= {call.call_id for call in detail.calls}
        shown = json.loads(to_json(state))
        assert {**shown, **json.loads(to_json(detail))} == shown
        assert (detail.exit is None) == ("exit" not in dict(event.fact))


def test_contents_are_in_clear() -> None:
    from runfold.surfaces.application.rendering import json_of  # noqa: PLC0415

    assert json_of(json_content({"digest": "x", "n": 1})) == {"digest": "x", "n": 1}
    assert json_of(text("hello")) == "hello"
    assert json_of(None) is None
