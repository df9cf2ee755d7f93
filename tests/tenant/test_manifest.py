"""A policy that cannot be meant is refused when it is applied, with a sentence."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from runfold.events.definitions import AgentDefinition, TenantPolicy
from runfold.events.definitions.tenancy.tenant_policy import Retries
from runfold.surfaces.manifests import load
from tests.deciders.given import agent
from tests.definitions.given import Faults, faults_of
from tests.tenant.given import policy

POLICY = """apiVersion: runfold/v1
kind: TenantPolicy
metadata: {name: default, version: "1.0.0"}
spec:
  caps: [{of: tenant, running: 2}]
  run_amounts: {usd: "0.50"}
  budgets: [{of: tenant, period: day, limit: 12.5, soft: "10"}]
  rates: [{of: user, per: minute, runs: 5, burst: 2}]
  retries: {period: hour, percent: 10}
"""
AGENT = """apiVersion: ossa/v0.4
kind: Agent
metadata: {name: clerk, version: "1.0.0"}
spec:
  role: be a clerk
  llm: {provider: openai, model: dear}
extensions:
  runfold:
    limits: {max_cost: "1.00", max_retries: 3}
    model: {cheaper_models: [{provider: openai, model: cheap}]}
    when_spent: {action: extend, more: {usd: "0.50"}, times: 2}
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
        ("runs: 5", "runs: 0", "spec.rates[0].runs: 0: a rate is a whole number from 1 to 100000"),
        ("runs: 5", "runs: 100001", "100001: a rate is a whole number from 1 to 100000"),
        ("burst: 2", "burst: 6", "spec.rates[0].burst: it is above runs, 5"),
        ("per: minute", "per: day", '"day" is none of minute, hour.'),
        ("of: user, per", "of: tenant, name: x, per", "a rate of the tenant has no name"),
        (
            "of: user, per",
            "of: agent, name: nobody, per",
            "spec.rates[0].name: there is no agent nobody",
        ),
        ('soft: "10"', 'soft: "10", at_soft: [panic]', '"panic" is none of alert, cheaper_models'),
        ('soft: "10"', "at_soft: [alert]", "there is no soft limit: say soft"),
        ('soft: "10"', 'soft: "10", at_soft: [throttle]', "throttle_ms must say how far apart"),
        ('soft: "10"', 'soft: "10", throttle_ms: 1000', "at_soft does not name throttle"),
        (
            'soft: "10"',
            'soft: "10", at_soft: [throttle], throttle_ms: 999',
            "999: an interval is from 1000 to 3600000 milliseconds",
        ),
        (
            'soft: "10"',
            'soft: "10", at_soft: [throttle], throttle_ms: 3600001',
            "3600001: an interval is from 1000 to 3600000 milliseconds",
        ),
        ("percent: 10", "percent: -1", "spec.retries.percent: -1: a whole number from 0 to 1000"),
        ("percent: 10", "percent: 10, per_run: 0", "0: a whole number of 1 or more"),
        ("  rates:", "  run_rates: {tool_calls: 0}\n  rates:", "0: a rate is a whole number"),
        (
            'soft: "10"}]',
            'soft: "10"}, {of: tenant, period: day, limit: "9"}]',
            "spec.budgets[1]: spec.budgets[0] counts the same: keep one of them",
        ),
        ("limit: 12.5", 'limit: "0.4"', "sets 0.50 usd aside for a run, which never fits in"),
    ],
)
def test_what_cannot_be_meant_is_refused(old: str, new: str, said: str, faults: Faults) -> None:
    assert old in POLICY
    told = faults(POLICY.replace(old, new))
    assert any(said in each for each in told), told


def test_the_policy_and_the_agent_are_sound(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "agent.yaml").write_text(AGENT)
    found = load([tmp_path], env={}, base_of=lambda _name: None)
    clerk, rules = sorted(found.definitions, key=lambda d: d.name)
    assert isinstance(clerk, AgentDefinition)
    assert clerk.when_spent is not None
    assert (clerk.when_spent.more.usd, clerk.when_spent.times) == (Decimal("0.50"), 2)
    assert (clerk.model.cheaper, clerk.limits.max_retries) == (("openai:cheap",), 3)
    assert isinstance(rules, TenantPolicy)
    assert (rules.rates[0].burst, rules.retries) == (2, Retries(period="hour", percent=10))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "{provider: openai, model: cheap}",
            "{provider: scripted, model: nothing}",
            "extensions.runfold: there is no model script nothing here or published",
        ),
        ("model: cheap}", "model: dear}", "openai:dear is what it would take the place of"),
        (
            "[{provider: openai, model: cheap}]",
            "[{provider: openai, model: cheap}, {provider: openai, model: cheap}]",
            "openai:cheap is listed twice",
        ),
        ('{usd: "0.50"}', "{}", "more must say what the run asks its tenant for"),
        ('usd: "0.50"', 'usd: "0.00"', "an amount above zero in US dollars"),
        ('usd: "0.50"', 'usd: "-1"', "an amount above zero in US dollars"),
        ('usd: "0.50"', 'eur: "0.50"', "unknown field"),
        ("action: extend", "action: ask", "only extend asks by itself"),
        ("times: 2", "times: 0", "0: a whole number from 1 to 100"),
        ("max_retries: 3", "max_retries: -1", "-1: a whole number from 0 to 1000000"),
    ],
)
def test_what_an_agent_cannot_mean_is_refused(
    old: str, new: str, said: str, faults: Faults
) -> None:
    assert old in AGENT
    told = faults(AGENT.replace(old, new))
    assert any(said in each for each in told), told


def test_what_is_not_said_changes_no_digest() -> None:
    plain = {"name", "version", "description", "caps", "queue_size", "queue_timeout_ms"}
    plain |= {"user_weights", "agent_weights", "max_priority", "budgets", "run_amounts"}
    assert set(json.loads(policy().body())) == plain
    worker = json.loads(agent().body())
    assert not {"when_spent"} & set(worker)
    assert not {"cheaper"} & set(worker["model"])
    assert not {"max_retries"} & set(worker["limits"])


def test_an_amount_is_read_as_it_is_written() -> None:
    found = TenantPolicy.model_validate_json(
        policy(budgets=({"of": "tenant", "period": "day", "limit": "0.1"},)).body()
    )
    assert found.budgets[0].limit == Decimal("0.1")
