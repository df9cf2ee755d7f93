"""Rules and objectives from YAML: checked by a JSON Schema, then by what they mean."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import jsonschema

from runfold.events.records.alerts import Severity
from runfold.events.values import RunStatus
from runfold.infra.documents import Document, FieldPath, single
from runfold.processors.monitor.core import expressions
from runfold.processors.monitor.core.expressions import Expression, ExpressionError
from runfold.processors.monitor.core.metrics import METRICS, Kind
from runfold.processors.monitor.core.periods import PeriodError, period_of, window_of
from runfold.processors.monitor.core.rules import AlertRules, Burn, Objective, Rule

_SCHEMA = json.loads(Path(__file__).with_name("rules.schema.json").read_text(encoding="utf-8"))
_SILENCE = {
    RunStatus.CREATED: timedelta(minutes=1),
    RunStatus.QUEUED: timedelta(minutes=10),
    RunStatus.PLANNING: timedelta(minutes=1),
    RunStatus.WAITING_FOR_MODEL: timedelta(minutes=2),
    RunStatus.WAITING_FOR_TOOL: timedelta(minutes=10),
    RunStatus.WAITING_FOR_HUMAN: timedelta(days=1),
    RunStatus.RUNNING_TOOL: timedelta(minutes=2),
    RunStatus.CHECKPOINTING: timedelta(minutes=1),
    RunStatus.PAUSED: None,
}

T = TypeVar("T")


class RuleFileError(Exception):
    """A file that cannot be used; one sentence a problem, each with file, line and reason."""


def read_rules(files: list[Path]) -> AlertRules:
    """Return what some files declare together; raises RuleFileError naming every problem."""
    problems: list[str] = []
    rules: list[Rule] = []
    objectives: list[Objective] = []
    head: dict[str, Any] = {}
    silence: dict[RunStatus, timedelta | None] = dict(_SILENCE)
    for file in files:
        part = _File(file)
        problems += part.problems
        rules += part.rules
        objectives += part.objectives
        head.update(part.head)
        silence.update(part.silence)
    problems += _repeated([rule.name for rule in rules] + [each.name for each in objectives])
    if problems:
        raise RuleFileError("\n".join(problems))
    return AlertRules(
        every=head.get("every", timedelta(seconds=5)),
        hold=head.get("hold", timedelta(minutes=1)),
        top=head.get("top", 20),
        allowed=silence,
        objectives=tuple(objectives),
        rules=tuple(rules),
    )


def _repeated(names: list[str]) -> Iterator[str]:
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"the name {name} is given twice: alerts would be mixed up; rename one of them"


class _File:
    """What one file declares, and what is wrong with it."""

    def __init__(self, file: Path) -> None:
        self.problems: list[str] = []
        self.rules: list[Rule] = []
        self.objectives: list[Objective] = []
        self.head: dict[str, Any] = {}
        self.silence: dict[RunStatus, timedelta | None] = {}
        self._file = file
        self._document = Document(str(file))
        try:
            self._document = single(file.read_text(encoding="utf-8"), str(file))
        except (OSError, UnicodeDecodeError) as error:
            self.problems.append(f"{file}: it cannot be read ({error})")
            return
        self.problems += map(str, self._document.problems)
        if not self.problems:
            self._check(self._document.data)

    def _check(self, data: Any) -> None:
        validator = jsonschema.Draft202012Validator(_SCHEMA)
        for error in sorted(validator.iter_errors(data), key=lambda each: str(each.absolute_path)):
            self._refuse(tuple(error.absolute_path), _sentence(error))
        if self.problems:
            return
        for name in ("every", "hold"):
            if name in data:
                self.head[name] = self._get((name,), data[name], period_of)
        if "top" in data:
            self.head["top"] = data["top"]
        for status, text in data.get("silence", {}).items():
            path = ("silence", status)
            never = text == "never"
            self.silence[RunStatus(status)] = None if never else self._get(path, text, period_of)
        for number, said in enumerate(data.get("objectives", [])):
            self._objective(("objectives", number), said)
        for number, said in enumerate(data.get("rules", [])):
            self._rule(("rules", number), said)

    def _rule(self, at: FieldPath, said: dict[str, Any]) -> None:
        value = self._expression((*at, "value"), said["value"], said.get("by"))
        window = self._get((*at, "window"), said.get("window", "5m"), window_of)
        minimum = [
            (self._expression((*at, "minimum", text), text, said.get("by")), _exact(least))
            for text, least in said.get("minimum", {}).items()
        ]
        if value is None or window is None or any(part is None for part, _ in minimum):
            return
        self.rules.append(
            Rule(
                name=said["name"],
                value=value,
                window=window,
                severity=Severity(said["severity"]),
                summary=said["summary"],
                by=said.get("by"),
                above=_exact(said["above"]) if "above" in said else None,
                below=_exact(said["below"]) if "below" in said else None,
                minimum=tuple((part, least) for part, least in minimum if part is not None),
            )
        )

    def _objective(self, at: FieldPath, said: dict[str, Any]) -> None:
        target = _exact(said["target"])
        if target >= 1:
            self._refuse(
                (*at, "target"),
                "a target of 1 leaves no error budget, and its burn rate would divide by zero: "
                "use 0.999 or less",
            )
        bad = self._counts((*at, "bad"), said["bad"], said.get("by"))
        total = self._counts((*at, "total"), said["total"], said.get("by"))
        burns = [self._burn((*at, "burn", n), each) for n, each in enumerate(said["burn"])]
        whole = [burn for burn in burns if burn is not None]
        if bad is None or total is None or len(whole) < len(burns) or target >= 1:
            return
        minimum = _exact(said.get("minimum", 1))
        self.objectives.append(
            Objective(said["name"], target, bad, total, tuple(whole), said.get("by"), minimum)
        )

    def _burn(self, at: FieldPath, said: dict[str, Any]) -> Burn | None:
        short = self._get((*at, "short"), said["short"], window_of)
        long = self._get((*at, "long"), said["long"], window_of)
        if short is None or long is None:
            return None
        if short >= long:
            self._refuse((*at, "short"), f"{said['short']} is not shorter than {said['long']}")
            return None
        return Burn(short, long, _exact(said["rate"]), Severity(said["severity"]))

    def _counts(self, at: FieldPath, text: str, by: str | None) -> Expression | None:
        """Return an expression that counts events over whatever window it is asked for."""
        found = self._expression(at, text, by)
        if found is None:
            return None
        gauges = [name for name in found.metrics if METRICS[name].kind is Kind.GAUGE]
        if gauges or found.windows:
            self._refuse(at, "an objective counts what happened: no gauges, no windows of its own")
            return None
        return found

    def _expression(self, at: FieldPath, text: str, by: str | None) -> Expression | None:
        found = self._get(at, text, expressions.parse)
        if found is None or by is None:
            return found
        for name in found.metrics:
            if by not in METRICS[name].by:
                allowed = ", ".join(METRICS[name].by) or "nothing"
                self._refuse(at, f"{name} is not counted by {by}, only by {allowed}")
                return None
        return found

    def _get(self, at: FieldPath, text: str, reader: Callable[[str], T]) -> T | None:
        try:
            return reader(text)
        except (ExpressionError, PeriodError) as error:
            self._refuse(at, str(error))
            return None

    def _refuse(self, at: FieldPath, reason: str) -> None:
        where = ".".join(map(str, at))
        line = self._document.line(at)
        self.problems.append(f"{self._file}:{line}: {where + ': ' if where else ''}{reason}")


def _exact(number: float) -> Fraction:
    return Fraction(Decimal(str(number)))


def _sentence(error: jsonschema.ValidationError) -> str:
    if error.validator == "oneOf":
        return "give one of above and below"
    return str(error.message)
