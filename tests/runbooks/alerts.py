"""The shipped rules on a shorter clock, and what the monitor of a running stack has said."""

from __future__ import annotations

from typing import Any

import yaml

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.records.alerts import AlertCleared, AlertRaised
from runfold.processors.monitor.settings import DEFAULT_RULES
from runfold.producers.log.kafka import TopicReader
from runfold.stack import control
from runfold.stack.settings import Settings
from tests.support.stack import wait_until

_WINDOWS = ({"short": "10s", "long": "20s"}, {"short": "20s", "long": "30s"})
_BOUNDS = {"approval-waits": 1}


def shipped() -> dict[str, Any]:
    """The rule file that a deployment has unless it names another."""
    found: dict[str, Any] = yaml.safe_load(DEFAULT_RULES.read_text(encoding="utf-8"))
    return found


def impatient() -> str:
    """The same rules by the same expressions, with windows of seconds: one case is enough."""
    rules = shipped() | {"every": "1s", "hold": "1s"}
    for objective in rules["objectives"]:
        objective["minimum"] = 1
        for burn, windows in zip(objective["burn"], _WINDOWS, strict=True):
            burn.update(windows)
    for rule in rules["rules"]:
        rule["window"] = "20s"
        if "minimum" in rule:
            rule["minimum"] = dict.fromkeys(rule["minimum"], 1)
        rule["above"] = _BOUNDS.get(rule["name"], rule["above"])
    return yaml.safe_dump(rules)


class Alerts:
    """What stands on the topic ``alerts`` of a running stack."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._codec = Codec(LockRegistry())
        self._known: dict[tuple[str, str], int] = {}

    def said(self, rule: str, subject: str) -> list[type[AlertRaised | AlertCleared]]:
        """What was said of a rule's subject, in order; an objective's windows are left out."""
        reader = TopicReader(control.attach(self._settings).kafka_config(), self._codec)
        records = [found.record for found in reader.read(topics.ALERTS)]
        return [
            type(record)
            for record in records
            if isinstance(record, AlertRaised | AlertCleared)
            and (record.rule.partition(" ")[0], record.subject) == (rule, subject)
        ]

    def raised(self, rule: str, subject: str) -> None:
        """Wait until one was raised since the last time that this was cleared."""
        known = self._known.get((rule, subject), 0)
        wait_until(lambda: self.said(rule, subject).count(AlertRaised) > known, 60)

    def cleared(self, rule: str, subject: str) -> None:
        """Wait until all that were raised are cleared."""
        wait_until(lambda: not self.stands(rule, subject), 90)
        self._known[rule, subject] = self.said(rule, subject).count(AlertRaised)

    def stands(self, rule: str, subject: str) -> bool:
        """Whether one is raised now."""
        return self.said(rule, subject)[-1:] == [AlertRaised]
