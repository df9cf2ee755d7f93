"""Rules: what the monitor's rule files declare."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runfold.processors.monitor.core.periods import written
from runfold.processors.monitor.core.rules import Burn, Objective
from runfold.processors.monitor.rule_files import read_rules
from runfold.processors.monitor.settings import MonitorSettings

COLUMNS = ("name", "severity", "by", "over", "raises")
"""What each row says."""


def list_rules(files: Sequence[Path]) -> list[dict[str, str]]:
    """Return every rule and burn rate; raises RuleFileError with file, line and reason."""
    declared = read_rules(list(files or MonitorSettings.from_env().rules))
    rows = [
        (
            objective.rule_name(burn),
            burn.severity.value,
            objective.by or "all",
            f"{written(burn.short)} and {written(burn.long)}",
            _share(objective, burn),
        )
        for objective in declared.objectives
        for burn in objective.burns
    ]
    for rule in declared.rules:
        side, bound = ("above", rule.above) if rule.above is not None else ("below", rule.below)
        rows.append(
            (
                rule.name,
                rule.severity.value,
                rule.by or "all",
                written(rule.window),
                f"{rule.value.text} {side} {float(bound or 0):g}",
            )
        )
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def _share(objective: Objective, burn: Burn) -> str:
    """Return which share of what must not be bad any longer."""
    allowed = float(burn.rate * (1 - objective.target))
    return f"({objective.bad.text}) / ({objective.total.text}) above {allowed:g}"
