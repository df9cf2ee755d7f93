"""Holding the rules against a moment: what fires, what is proven fine, what nobody can say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from runfold.events.records.alerts import Severity
from runfold.processors.monitor.core.metrics import ALL
from runfold.processors.monitor.core.readings import Moment, SubjectReadings
from runfold.processors.monitor.core.rules import AlertRules, Burn, Objective, Rule

Key = tuple[str, str]
"""A rule's name and a subject."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says of a subject; neither ``firing`` nor ``fine`` means that nobody can say.

    ``value`` is None where nothing happened that it could be computed of.
    """

    rule: str
    subject: str
    firing: bool
    fine: bool
    value: Fraction | None
    threshold: Fraction
    window: timedelta
    severity: Severity
    summary: str
    runs: tuple[str, ...]


def find(
    book: AlertRules, moment: Moment, covered_from: datetime, raised: Iterable[Key]
) -> Iterator[Finding]:
    """Yield a finding for every rule and subject, those of raised alerts always included.

    ``covered_from`` is since when everything that happened has been counted: a window that
    begins before it can prove nothing fine.
    """
    open_subjects: dict[str, set[str]] = {}
    for name, subject in raised:
        open_subjects.setdefault(name, set()).add(subject)
    for rule in book.rules:
        for subject in _subjects(moment, rule.by, rule.value.metrics, open_subjects, rule.name):
            yield _judge(rule, moment, subject, covered_from)
    for objective in book.objectives:
        for burn in objective.burns:
            name = objective.rule_name(burn)
            metrics = objective.total.metrics
            for subject in _subjects(moment, objective.by, metrics, open_subjects, name):
                yield _judge_burn(objective, burn, moment, subject, covered_from)


def _subjects(
    moment: Moment,
    by: str | None,
    metrics: tuple[str, ...],
    open_subjects: dict[str, set[str]],
    name: str,
) -> list[str]:
    if by is None:
        return [ALL]
    found = {subject for metric in metrics for subject in moment.subjects(metric, by)}
    return sorted(found | open_subjects.get(name, set()))


def _judge(rule: Rule, moment: Moment, subject: str, covered_from: datetime) -> Finding:
    at = SubjectReadings(moment, rule.by, subject, rule.window)
    value = rule.value.evaluate(at)
    exceeded = value is not None and (
        (rule.above is not None and value > rule.above)
        or (rule.below is not None and value < rule.below)
    )
    enough = all((part.evaluate(at) or 0) >= least for part, least in rule.minimum)
    threshold = rule.above if rule.above is not None else rule.below
    assert threshold is not None
    windowed = rule.value.windowed
    reach = max((rule.window, *rule.value.windows)) if windowed else timedelta(0)
    return Finding(
        rule=rule.name,
        subject=subject,
        firing=exceeded and enough,
        fine=not exceeded and moment.now - reach >= covered_from,
        value=value,
        threshold=threshold,
        window=rule.window if windowed else timedelta(0),
        severity=rule.severity,
        summary=rule.summary + (at.told(rule.value.metrics[0]) if exceeded else ""),
        runs=at.proof(rule.value.metrics[0]) if exceeded else (),
    )


def burn_rate(
    objective: Objective, moment: Moment, subject: str, window: timedelta
) -> Fraction | None:
    """Return how many times too fast the budget burnt over a window; None of nothing."""
    at = SubjectReadings(moment, objective.by, subject, window)
    bad, total = objective.bad.evaluate(at), objective.total.evaluate(at)
    if bad is None or not total:
        return None
    return bad / total / (1 - objective.target)


def _judge_burn(
    objective: Objective, burn: Burn, moment: Moment, subject: str, covered_from: datetime
) -> Finding:
    short = burn_rate(objective, moment, subject, burn.short)
    long = burn_rate(objective, moment, subject, burn.long)
    exceeded = short is not None and long is not None and min(short, long) > burn.rate
    at = SubjectReadings(moment, objective.by, subject, burn.long)
    enough = (objective.total.evaluate(at) or 0) >= objective.minimum
    percent = f"{float(objective.target):.3%}".rstrip("0%").rstrip(".")
    return Finding(
        rule=objective.rule_name(burn),
        subject=subject,
        firing=exceeded and enough,
        fine=not exceeded and moment.now - burn.long >= covered_from,
        value=short,
        threshold=burn.rate,
        window=burn.long,
        severity=burn.severity,
        summary=f"the error budget of {objective.name} ({percent} %) burns too fast",
        runs=at.proof(objective.bad.metrics[0]) if exceeded else (),
    )
