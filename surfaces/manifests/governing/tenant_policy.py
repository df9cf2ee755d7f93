"""The manifest of a tenant's policy as the tenant reads it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from runfold.events.definitions import TenantPolicy
from runfold.events.definitions.levels import LEVELS
from runfold.events.definitions.tenancy.tenant_policy import (
    IN_FORCE,
    Amounts,
    Budget,
    Cap,
    Rate,
    Retries,
    RunRates,
)
from runfold.events.definitions.tool import RISKS
from runfold.events.expected import unexpected
from runfold.infra.documents import Document, FieldPath
from runfold.surfaces.manifests.problems import Remark, did_you_mean
from runfold.surfaces.manifests.references import Known


def lower_tenant_policy(document: Document) -> tuple[TenantPolicy | None, list[Remark]]:
    """Return the policy that a checked document declares, and what to tell its author."""
    try:
        policy = _declared(document)
    except ValidationError as fault:
        for each in unexpected(fault):
            document.refuse(("spec", *each.place), each.text)
        return None, []
    _check(policy, document)
    if document.problems:
        return None, []
    return policy, _told(policy, document)


def _declared(document: Document) -> TenantPolicy:
    metadata, spec = document.data["metadata"], document.data["spec"]
    queue, weights = spec.get("queue", {}), spec.get("weights", {})
    return TenantPolicy(
        name=metadata["name"],
        version=metadata["version"],
        description=metadata.get("description", ""),
        caps=tuple(Cap(**cap) for cap in spec.get("caps", ())),
        queue_timeout_ms=queue.get("timeout_ms"),
        user_weights=weights.get("users", {}),
        agent_weights=weights.get("agents", {}),
        budgets=tuple(Budget(**_exact(budget)) for budget in spec.get("budgets", ())),
        run_amounts=Amounts(**_exact(spec.get("run_amounts", {}))),
        queue_retry_ms=queue.get("retry_after_ms"),
        rates=tuple(Rate(**rate) for rate in spec.get("rates", ())),
        run_rates=RunRates(**spec["run_rates"]) if "run_rates" in spec else None,
        retries=Retries(**spec["retries"]) if "retries" in spec else None,
        when_run_spent=spec.get("when_run_spent", "fail"),
        evidence_days=spec.get("evidence_days", {}),
        **({"queue_size": queue["size"]} if "size" in queue else {}),
        **({"max_priority": spec["max_priority"]} if "max_priority" in spec else {}),
    )


def check_tenant_policy(policy: TenantPolicy, document: Document, known: Known) -> None:
    """Note agents that a policy names and that do not exist."""
    rules: list[tuple[FieldPath, Cap | Budget | Rate]] = [
        *((("spec", "caps", at, "name"), cap) for at, cap in enumerate(policy.caps)),
        *((("spec", "budgets", at, "name"), each) for at, each in enumerate(policy.budgets)),
        *((("spec", "rates", at, "name"), each) for at, each in enumerate(policy.rates)),
    ]
    agents: list[tuple[FieldPath, str]] = [
        (path, rule.name) for path, rule in rules if rule.of == "agent" and rule.name
    ]
    agents += [(("spec", "weights", "agents", name), name) for name in policy.agent_weights]
    for path, name in agents:
        if name not in known.names("agent") and name not in known.faulty:
            near = did_you_mean(name, known.names("agent"))
            document.refuse(path, f"there is no agent {name} in these files or published.{near}")


def _exact(given: dict[str, Any]) -> dict[str, Any]:
    """Return amounts as they were written: YAML reads 0.1 as a binary fraction."""
    money = {"usd", "limit", "soft"}
    return {key: Decimal(str(value)) if key in money else value for key, value in given.items()}


def _check(policy: TenantPolicy, document: Document) -> None:
    """Note what contradicts itself, and budgets for which nobody says what a run may need."""
    for at, cap in enumerate(policy.caps):
        _named(cap, ("spec", "caps", at), "cap", document)
    for at, rate in enumerate(policy.rates):
        _named(rate, ("spec", "rates", at), "rate", document)
        if rate.burst is not None and rate.burst > rate.runs:
            document.refuse(("spec", "rates", at, "burst"), f"it is above runs, {rate.runs}")
    for at, budget in enumerate(policy.budgets):
        _named(budget, ("spec", "budgets", at), "budget", document)
        _check_budget(policy, at, document)
    _twice("caps", [(cap.of, cap.name) for cap in policy.caps], document)
    _twice("rates", [(rate.of, rate.name, rate.per) for rate in policy.rates], document)
    _twice("budgets", [(b.of, b.name, b.unit, b.period) for b in policy.budgets], document)


def _named(rule: Cap | Budget | Rate, path: FieldPath, called: str, document: Document) -> None:
    if rule.of == "tenant" and rule.name is not None:
        document.refuse((*path, "name"), f"a {called} of the tenant has no name")


def _twice(field: str, keys: list[tuple[str | None, ...]], document: Document) -> None:
    for at, key in enumerate(keys):
        if key in keys[:at]:
            sentence = f"spec.{field}[{keys.index(key)}] counts the same: keep one of them"
            document.refuse(("spec", field, at), sentence)


def _check_budget(policy: TenantPolicy, at: int, document: Document) -> None:
    budget, path = policy.budgets[at], ("spec", "budgets", at)
    if budget.soft is not None and budget.soft > budget.limit:
        document.refuse((*path, "soft"), f"it is above the limit, {budget.limit}")
    if budget.at_soft and budget.soft is None:
        document.refuse((*path, "at_soft"), "there is no soft limit: say soft")
    if "throttle" in budget.at_soft and budget.throttle_ms is None:
        document.refuse(path, "throttle_ms must say how far apart runs start")
    if "throttle" not in budget.at_soft and budget.throttle_ms is not None:
        document.refuse((*path, "throttle_ms"), "at_soft does not name throttle")
    if budget.unit == "runs":
        needed: Decimal | int | None = 1
    else:
        needed = getattr(policy.run_amounts, budget.unit)
    if needed is None:
        sentence = (
            f"run_amounts must say how much {budget.unit} is set aside for a run that has no "
            "limit of its own"
        )
        document.refuse(path, sentence)
    elif needed > budget.limit > 0:
        sentence = f"run_amounts sets {needed} {budget.unit} aside for a run, which never fits in"
        document.refuse((*path, "limit"), sentence)
    if budget.unit != "usd" and budget.limit != int(budget.limit):
        document.refuse((*path, "limit"), f"{budget.unit} are counted in whole numbers")


def _told(policy: TenantPolicy, document: Document) -> list[Remark]:
    loosened = [
        document.remark(
            ("spec", "evidence_days", level.name),
            f"loosens what the level asks for: {level.kept_days} days",
        )
        for level in LEVELS
        if policy.evidence_days.get(RISKS[level.number], level.kept_days) < level.kept_days
    ]
    return [*loosened, *_not_in_force(policy, document)]


def _not_in_force(policy: TenantPolicy, document: Document) -> list[Remark]:
    if policy.name == IN_FORCE:
        return []
    sentence = (
        f"a policy is in force under the name {IN_FORCE}: name it so, or say "
        f"`runfold definitions alias tenant_policy/{IN_FORCE} {policy.name}`"
    )
    return [document.remark(("metadata", "name"), sentence)]
