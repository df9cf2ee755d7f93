"""Rules in files: what is wrong is refused with file, line and reason."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from runfold.events.values import RunStatus
from runfold.processors.monitor.rule_files import RuleFileError, read_rules
from runfold.processors.monitor.settings import DEFAULT_RULES

RULE = """\
version: 1
rules:
  - name: storm
    value: {value}
    by: {by}
    window: {window}
    above: {above}
    severity: page
    summary: too much
"""
GOOD = {"value": "retries / model_calls", "by": "agent", "window": "5m", "above": "0.5"}
OBJECTIVE = """\
version: 1
objectives:
  - name: runs-succeed
    target: {target}
    bad: {bad}
    total: {total}
    burn:
      - {{short: {short}, long: {long}, rate: 14.4, severity: page}}
"""
SOUND = {
    "target": "0.99", "bad": "runs_failed", "total": "runs_ended", "short": "5m", "long": "1h",
}  # fmt: skip


def read(folder: Path, text: str) -> str:
    file = folder / "mine.yaml"
    file.write_text(text)
    with pytest.raises(RuleFileError) as refused:
        read_rules([file])
    return str(refused.value).replace(str(file), "mine.yaml")


@pytest.mark.parametrize(
    ("changed", "line", "reason"),
    [
        ({"value": "retrys / model_calls"}, 4, "rules.0.value: there is no metric retrys"),
        ({"value": "retries / 0"}, 4, "rules.0.value: it divides by '0', which is always zero"),
        ({"value": "retries / (events - events)"}, 4, "always zero"),
        ({"by": "model", "value": "runs_failed"}, 4, "runs_failed is not counted by model"),
        ({"by": "planet"}, 5, "'planet' is not one of"),
        ({"window": "5 minutes"}, 6, "'5 minutes' is no period"),
        ({"window": "25h"}, 6, "longer than 1d"),
        ({"window": "61m"}, 6, "no multiple of 5m"),
        ({"above": "much"}, 7, "is not of type 'number'"),
        ({"above": "1\n    below: 2"}, 3, "give one of above and below"),
        ({"above": "1\n    minimum: {planets: 3}"}, 8, "there is no metric planets"),
        ({"above": "1\n    above: 2"}, 8, "is written twice"),
        ({"above": "1\n    colour: red"}, 3, "'colour' was unexpected"),
    ],
)
def test_a_wrong_rule_is_refused_by_its_line(
    tmp_path: Path, changed: dict[str, str], line: int, reason: str
) -> None:
    found = read(tmp_path, RULE.format(**GOOD | changed))
    assert found.startswith(f"mine.yaml:{line}: ")
    assert reason in found


@pytest.mark.parametrize(
    ("changed", "line", "reason"),
    [
        ({"target": "1"}, 4, "leaves no error budget"),
        ({"target": "1.5"}, 4, "greater than the maximum"),
        ({"bad": "runs_faild"}, 5, "no metric runs_faild"),
        ({"total": "live_runs"}, 6, "no gauges"),
        ({"total": "sum(runs_ended, '1h')"}, 6, "no windows of its own"),
        ({"short": "1h", "long": "5m"}, 8, "1h is not shorter than 5m"),
        ({"long": "7d"}, 8, "longer than 1d"),
    ],
)
def test_a_wrong_objective_is_refused_by_its_line(
    tmp_path: Path, changed: dict[str, str], line: int, reason: str
) -> None:
    found = read(tmp_path, OBJECTIVE.format(**SOUND | changed))
    assert found.startswith(f"mine.yaml:{line}: ")
    assert reason in found


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "mine.yaml:1: the file is empty"),
        ("version: 1\nrules: [", "mine.yaml:2: "),
        ("version: 2\n", "mine.yaml:1: version: 1 was expected"),
        ("version: 1\nhold: soon\n", "mine.yaml:2: hold: 'soon' is no period"),
        ("version: 1\nsilence:\n  dancing: 1m\n", "mine.yaml:2: silence: "),
    ],
)
def test_what_is_no_rule_file_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    assert reason in read(tmp_path, text)


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    text = RULE.format(**GOOD | {"value": "a / 0", "window": "soon"})
    assert len(read(tmp_path, text).splitlines()) == 2


def test_a_name_given_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(RULE.format(**GOOD))
    (tmp_path / "mine.yaml").write_text(RULE.format(**GOOD))
    with pytest.raises(RuleFileError, match="storm is given twice"):
        read_rules([tmp_path / "other.yaml", tmp_path / "mine.yaml"])


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(RuleFileError, match="cannot be read"):
        read_rules([tmp_path / "none.yaml"])


def test_what_is_declared_is_kept_exactly(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        OBJECTIVE.format(**SOUND) + "every: 2s\nhold: 30s\nsilence: {queued: never, planning: 5s}\n"
    )
    found = read_rules([tmp_path / "mine.yaml"])
    (objective,) = found.objectives
    assert (objective.target, objective.burns[0].rate) == (Fraction(99, 100), Fraction(72, 5))
    assert (found.every, found.hold) == (timedelta(seconds=2), timedelta(seconds=30))
    assert found.allowed[RunStatus.QUEUED] is None
    assert found.allowed[RunStatus.PLANNING] == timedelta(seconds=5)
    assert found.names == {"runs-succeed 5m/1h"}
    assert found.longest == timedelta(hours=1)


def test_the_default_rules_can_be_used() -> None:
    found = read_rules([DEFAULT_RULES])
    assert {"stuck-runs", "retry-storm", "dead-letters", "runs-succeed 30m/6h"} <= found.names
    assert found.longest == timedelta(hours=6)
