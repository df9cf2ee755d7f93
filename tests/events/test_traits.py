"""What every fact means is said beside it, and what is said fits its fields."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from runfold.events import run as j
from runfold.events.avro.samples import sample
from runfold.events.base import Fact
from runfold.events.calls.kinds import MODEL, TOOL
from runfold.events.catalogue import CHARGED, FACTS, TERMINAL_FACTS
from runfold.events.traits import CallMove, Charge, charge_of
from runfold.events.values import Usage

each = pytest.mark.parametrize("kind", FACTS, ids=lambda kind: kind.__name__)


def sampled(kind: type[Fact], **more: Any) -> Any:
    return sample(kind).model_copy(update=more)


@each
def test_every_fact_declares_its_own_traits(kind: type[Fact]) -> None:
    assert "traits" in vars(kind), "an inherited meaning is a guess"


@each
def test_the_call_that_a_fact_touches_is_named_in_it(kind: type[Fact]) -> None:
    call = kind.traits.call
    if call is None:
        return
    assert call.id_field in kind.model_fields
    if call.move is CallMove.OPENS and call.kind in {MODEL.name, TOOL.name}:
        assert call.kind in kind.model_fields, "who is called"


@each
def test_who_has_a_field_for_a_cost_says_what_was_paid_for(kind: type[Fact]) -> None:
    assert ("cost" in kind.model_fields) == (kind in CHARGED)


def test_what_ends_a_run_has_an_exit_record_and_nothing_else_has() -> None:
    assert {kind for kind in FACTS if "exit" in kind.model_fields} == set(TERMINAL_FACTS)


@each
def test_what_a_fact_charges_is_what_its_fields_say(kind: type[Fact]) -> None:
    fact = sampled(kind)
    charge = charge_of(fact)
    if kind not in CHARGED:
        assert charge is None
        return
    assert charge is not None
    assert charge.cost == fact.cost
    assert (charge.call_id, charge.attempt) == (fact.call_id, fact.attempt)
    assert charge.attribution == fact.attribution


def test_an_answer_without_a_price_is_a_charge_and_is_not_zero() -> None:
    fact = sampled(j.ModelResponded, cost=None)
    assert charge_of(fact) == Charge(
        kind=MODEL.name,
        name=fact.model,
        call_id=fact.call_id,
        attempt=fact.attempt,
        cost=None,
        attribution=fact.attribution,
        usage=fact.usage,
        provider=fact.provider,
        price=fact.price,
        late=False,
    )


@pytest.mark.parametrize("kind", [j.ToolCallSucceeded, j.ToolCallFailed, j.ToolCallUncertain])
def test_a_tool_without_a_price_charges_nothing(kind: type[Fact]) -> None:
    assert charge_of(sampled(kind, cost=None)) is None
    charge = charge_of(sampled(kind, cost=Decimal("0.5"), tool="look"))
    assert charge is not None
    assert (charge.kind, charge.tool, charge.model) == (TOOL.name, "look", None)
    assert (charge.cost, charge.usage) == (Decimal("0.5"), Usage())


def test_what_came_too_late_charges_the_model_that_answered_or_else_the_tool() -> None:
    late = sampled(j.LateResultNoted, tool="look")
    model = charge_of(late)
    assert model is not None
    assert (model.model, model.provider) == (late.answer.model, late.answer.provider)
    assert (model.usage, model.price, model.late) == (late.answer.usage, late.answer.price, True)
    tool = charge_of(late.model_copy(update={"answer": None}))
    assert tool is not None
    assert (tool.kind, tool.tool, tool.late) == (TOOL.name, "look", True)
    assert charge_of(late.model_copy(update={"answer": None, "cost": None})) is None
    free = charge_of(late.model_copy(update={"cost": None}))
    assert free is not None
    assert free.cost is None
