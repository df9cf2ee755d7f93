"""A typed function says what its contract says."""

from __future__ import annotations

import pytest

from runfold.events.values import Placement
from runfold.processors.tool import ToolContext, contract_of, tool
from tests.tool import samples


def test_the_schema_comes_from_the_types() -> None:
    contract = contract_of(samples.add)
    assert contract.input_schema["properties"] == {
        "left": {"title": "Left", "type": "integer"},
        "right": {"title": "Right", "type": "integer", "default": 1},
    }
    assert contract.input_schema["required"] == ["left"]
    assert contract.input_schema["additionalProperties"] is False
    assert contract.output_schema == {"type": "integer"}


def test_name_description_and_implementation_come_from_the_function() -> None:
    contract = contract_of(samples.refund)
    assert (contract.name, contract.description) == ("refund", "Pay an order back.")
    assert contract.implementation == "python:tests.tool.samples:refund"
    assert (contract.risk_level, contract.placement) == (3, Placement.POOL)


def test_the_context_is_no_argument() -> None:
    assert set(contract_of(samples.refund).input_schema["properties"]) == {"order", "amount"}


def test_a_marked_function_stays_a_function() -> None:
    assert samples.add(2, 3) == 5


def test_a_parameter_without_a_type_is_refused() -> None:
    with pytest.raises(TypeError, match="give x a type"):

        @tool(risk_level=0)
        def vague(x) -> None:  # type: ignore[no-untyped-def]
            ...


def test_open_ended_parameters_are_refused() -> None:
    with pytest.raises(TypeError, match="names each of its arguments"):

        @tool(risk_level=0)
        def loose(**more: int) -> None: ...


def test_an_unmarked_function_has_no_contract() -> None:
    with pytest.raises(TypeError, match="mark it with @tool"):
        contract_of(samples.unmarked)


def test_the_context_may_have_any_name() -> None:
    @tool(risk_level=0)
    def speaks(c: ToolContext, text: str) -> str:
        return text + c.run_id

    assert set(contract_of(speaks).input_schema["properties"]) == {"text"}
