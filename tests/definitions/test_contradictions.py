"""A contract whose level says one thing and the rest of it another: refused, or told its author."""

from __future__ import annotations

from typing import Any

import pytest

from runfold.events.definitions import ToolContract
from runfold.events.definitions.contradictions import contradictions
from runfold.processors.tool.builtin import builtin_contracts
from runfold.surfaces.manifests.problems import InvalidManifestsError
from tests.definitions.given import READ, Load

PLAIN = READ.model_copy(update={"name": "shelf.read", "risk_level": 0})


def spoken(**changes: Any) -> list[str]:
    contract = ToolContract.model_validate({**PLAIN.model_dump(), **changes})
    return [each.field for each in contradictions(contract)]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"reversible": False}, "reversible"),
        ({"config": {"method": "post"}}, "config"),
        ({"config": {"method": "DELETE"}}, "config"),
        ({"name": "mail.send"}, "risk_level"),
        ({"name": "create_ticket"}, "risk_level"),
        ({"name": "crm.delete-all"}, "risk_level"),
        ({"scopes": ("crm:read", "crm:write")}, "scopes"),
        ({"policy": {"action": "ticket.delete", "resource": {"type": "T", "argument": "path"}}},
         "policy"),
        ({"effect": "The order is gone."}, "effect"),
        ({"dry_run": {"tool": "other"}}, "dry_run"),
        ({"data_class": "restricted"}, "data_class"),
    ],
)  # fmt: skip
def test_what_speaks_against_a_pure_read(changes: dict[str, Any], field: str) -> None:
    assert spoken(**changes) == [field]
    # From the level on that says that it changes something there is nothing to say.
    assert spoken(**{**changes, "risk_level": 3}) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "post.list"},
        {"name": "address"},
        {"name": "sender.read"},
        {"config": {"method": "GET"}},
        {"config": {"method": 3}},
        {"scopes": ("crm:read", "reset")},
        {"data_class": "public"},
        {"reversible": True},
    ],
)
def test_what_is_like_it_and_is_none(changes: dict[str, Any]) -> None:
    assert spoken(**changes) == []


@pytest.mark.parametrize(("level", "found"), [(1, True), (2, True), (3, False), (4, False)])
def test_what_cannot_be_undone_is_no_low_level(level: int, *, found: bool) -> None:
    assert spoken(risk_level=level, reversible=False) == ["reversible"] * found
    assert spoken(risk_level=level, reversible=True) == []


def test_built_in_tools_contradict_themselves_nowhere() -> None:
    assert not [each for contract in builtin_contracts() for each in contradictions(contract)]


READING = """\
apiVersion: runfold/v1
kind: Tool
metadata: {name: shelf.read, version: "1.0.0", description: Read a shelf.}
spec:
  use: python:shop:read
  risk_level: read_only
  timeout_ms: 1000
  input_schema: {type: object, properties: {}, additionalProperties: false}
"""


@pytest.mark.parametrize("said", ["reversible: false", "idempotent: false"])
def test_apply_refuses_what_cannot_be_true(load: Load, said: str) -> None:
    with pytest.raises(InvalidManifestsError) as raised:
        load(f"{READING}  {said}\n")
    (problem,) = raised.value.problems
    assert problem.field == f"spec.{said.partition(':')[0]}"
    assert "a pure read (level 0)" in problem.message


def test_apply_tells_the_author_of_the_rest_and_takes_it(load: Load) -> None:
    found = load(f"{READING}  effect: It is gone.\n  scopes: [shelf.delete]\n")
    assert {each.field for each in found.remarks} >= {"spec.effect", "spec.scopes"}
    assert found.definitions


def test_apply_remarks_on_a_policy_that_keeps_evidence_shorter_than_its_level(load: Load) -> None:
    manifest = """\
apiVersion: runfold/v1
kind: TenantPolicy
metadata: {name: default, version: "1.0.0"}
spec:
  evidence_days: {local_write: 89, external_draft: 366, high_risk: 2555}
"""
    found = load(manifest)
    (told,) = found.remarks
    assert (told.field, told.message) == (
        "spec.evidence_days.local_write",
        "loosens what the level asks for: 90 days",
    )
    with pytest.raises(InvalidManifestsError):
        load(manifest.replace("local_write: 89", "level_1: 89"))
