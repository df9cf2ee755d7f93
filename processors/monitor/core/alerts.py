"""Which alerts are raised: a fold over the topic ``alerts``, and what to say next.

    (nothing) --firing--> raised --fine for as long as the hold--> (nothing)

What nobody can say changes nothing: a raised alert stays raised until it is proven fine.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from runfold.events.records.alerts import AlertCleared, AlertRaised
from runfold.processors.monitor.core.findings import Finding, Key

Said = AlertRaised | AlertCleared

_MS = timedelta(milliseconds=1)


@dataclass(slots=True)
class AlertBook:
    """The alerts that are raised; it changes only by what was said on the topic."""

    raised: dict[Key, AlertRaised] = field(default_factory=dict)
    _times: dict[Key, int] = field(default_factory=dict)
    _fine_since: dict[Key, datetime] = field(default_factory=dict)

    def apply(self, said: Said) -> None:
        """Take what stands on the topic; a repeated id changes nothing."""
        key = (said.rule, said.subject)
        if isinstance(said, AlertCleared):
            known = self.raised.get(key)
            if known is not None and known.alert_id == said.alert_id:
                del self.raised[key]
            self._fine_since.pop(key, None)
            return
        number = int(said.alert_id.rpartition("/")[2])
        if number > self._times.get(key, 0):
            self._times[key] = number
            self.raised[key] = said

    def decide(
        self,
        findings: Iterable[Finding],
        declared: frozenset[str],
        now: datetime,
        hold: timedelta,
    ) -> list[Said]:
        """Return what is to be said now; it is so only once it is applied."""
        says: list[Said] = []
        for finding in findings:
            key = (finding.rule, finding.subject)
            known = self.raised.get(key)
            if not finding.fine:
                self._fine_since.pop(key, None)
            if known is None and finding.firing:
                says.append(self._raise(finding, now))
            if known is not None and finding.fine:
                since = self._fine_since.setdefault(key, now)
                if now - since >= hold:
                    says.append(_clear(known, finding.value, _why(finding), now))
        for (rule, _), known in self.raised.items():
            if rule not in declared:
                says.append(_clear(known, None, "the rule is not declared any more", now))
        return says

    def _raise(self, finding: Finding, now: datetime) -> AlertRaised:
        number = self._times.get((finding.rule, finding.subject), 0) + 1
        assert finding.value is not None
        return AlertRaised(
            alert_id=f"{finding.rule}/{finding.subject}/{number}",
            rule=finding.rule,
            subject=finding.subject,
            severity=finding.severity,
            summary=finding.summary,
            value=decimal(finding.value),
            threshold=decimal(finding.threshold),
            window_ms=finding.window // _MS,
            raised_at=now,
            run_ids=finding.runs,
        )


def _clear(known: AlertRaised, value: Fraction | None, reason: str, now: datetime) -> AlertCleared:
    return AlertCleared(
        alert_id=known.alert_id,
        rule=known.rule,
        subject=known.subject,
        value=None if value is None else decimal(value),
        reason=reason,
        raised_at=known.raised_at,
        cleared_at=now,
    )


def _why(finding: Finding) -> str:
    if finding.value is None:
        return "nothing of the kind happened in a whole window"
    return f"{decimal(finding.value)} is within {decimal(finding.threshold)}"


def decimal(value: Fraction) -> str:
    """Return a number as a plain decimal text of at most six places."""
    text = format(Decimal(value.numerator) / Decimal(value.denominator), ".6f")
    return text.rstrip("0").rstrip(".")
