"""A policy that cannot be meant is refused when it is applied, with a sentence."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from runfold.events.definitions import TenantPolicy
from tests.definitions.given import Faults, faults_of
from tests.tenant.given import policy

POLICY = """apiVersion: runfold/v1
kind: TenantPolicy
metadata: {name: default, version: "1.0.0"}
spec:
  caps: [{of: tenant, running: 2}]
  run_amounts: {usd: "0.50"}
  budgets: [{of: tenant, period: day, limit: 12.5, soft: "10"}]
"""


@pytest.fixture
def faults(tmp_path: Path) -> Faults:
    return faults_of(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("running: 2", "running: 0", "spec.caps[0].running: 0: a whole number of 1 or more"),
        ("running: 2", "running: -3", "spec.caps[0].running: -3: a whole number of 1 or more"),
        ("limit: 12.5", "limit: -1", "spec.budgets[0].limit: -1: an amount is zero or more"),
        ("limit: 12.5", 'limit: "-1"', "an amount is zero or more"),
        ("limit: 12.5", "limit: .inf", "spec.budgets[0]"),
        ("period: day", "period: week", '"week" is none of hour, day, month.'),
        ("of: tenant, period", "of: team, period", '"team" is none of tenant, user'),
        ("  caps:", "  currency: EUR\n  caps:", '"EUR" is none of USD'),
        ('soft: "10"', 'soft: "20"', "spec.budgets[0].soft: it is above the limit, 12.5"),
        (
            '  run_amounts: {usd: "0.50"}\n',
            "",
            "run_amounts must say how much usd is set aside",
        ),
        (
            "{of: tenant, running: 2}",
            "{of: agent, name: nobody, running: 2}",
            "spec.caps[0].name: there is no agent nobody in these files or published.",
        ),
        ("running: 2", "running: 2, name: x", "a cap of the tenant has no name"),
    ],
)
def test_what_cannot_be_meant_is_refused(old: str, new: str, said: str, faults: Faults) -> None:
    assert old in POLICY
    told = faults(POLICY.replace(old, new))
    assert any(said in each for each in told), told


def test_an_amount_is_read_as_it_is_written() -> None:
    found = TenantPolicy.model_validate_json(
        policy(budgets=({"of": "tenant", "period": "day", "limit": "0.1"},)).body()
    )
    assert found.budgets[0].limit == Decimal("0.1")
