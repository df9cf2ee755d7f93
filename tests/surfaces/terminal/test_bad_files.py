"""Files that cannot be meant are refused at the command line: file, line, reason, exit code 65."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runfold.surfaces.cli import exits
from runfold.surfaces.cli.__main__ import run

OBJECTIVE = """\
version: 1
objectives:
  - name: runs-succeed
    target: {target}
    bad: {bad}
    total: runs_ended
    burn: [{{short: {short}, long: 1h, rate: 2, severity: page}}]
"""
RULE = """\
version: 1
rules:
  - name: odd
    value: {value}
    above: 0
    severity: page
    summary: odd
"""
GOOD = {"target": "0.9", "bad": "runs_failed", "short": "5m"}


def rules(folder: Path, text: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    file = folder / "rules.yaml"
    file.write_text(text)
    code = run(["rules", str(file)])
    said = capsys.readouterr()
    return code, (said.out + said.err).replace(str(folder), "")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (OBJECTIVE.format(**GOOD | {"bad": "runs_exploded"}),
         "/rules.yaml:5: objectives.0.bad: there is no metric runs_exploded"),
        (OBJECTIVE.format(**GOOD | {"target": "1"}),
         "/rules.yaml:4: objectives.0.target: a target of 1 leaves no error budget"),
        (OBJECTIVE.format(**GOOD | {"short": "2h"}),
         "/rules.yaml:7: objectives.0.burn.0.short: 2h is not shorter than 1h"),
        (OBJECTIVE.format(**GOOD) + "    bad: runs_ended\n", "/rules.yaml:8: "),
        (RULE.format(value="runs_failed / (runs_ended - runs_ended)"),
         "/rules.yaml:4: rules.0.value: it divides by 'runs_ended - runs_ended', which is always"),
        (RULE.format(value="runs_failed / 0"), "/rules.yaml:4: rules.0.value: it divides by '0'"),
        (RULE.format(value="p95(runs_failed)"), "/rules.yaml:4: rules.0.value: "),
        ("rules: [", "/rules.yaml:"),
    ],
)  # fmt: skip
def test_rules_that_cannot_be_meant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, reason: str
) -> None:
    code, said = rules(tmp_path, text, capsys)
    assert code == exits.BAD_INPUT
    assert said.startswith(reason), said


def test_rules_that_can_be_meant_are_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = rules(tmp_path, OBJECTIVE.format(**GOOD), capsys)
    assert code == exits.OK
    assert "runs-succeed 5m/1h" in said
    assert run(["rules", "--json"]) == exits.OK
    shipped = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert shipped["cost-velocity"] == {
        "name": "cost-velocity",
        "severity": "page",
        "by": "tenant",
        "over": "10m",
        "raises": "per_hour(cost_usd) above 50",
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('"a:b": {input_mtok: 1}\n', "1: the price of 'a:b' needs input_mtok and output_mtok"),
        ('# ours\n"gpt": {input_mtok: 1, output_mtok: 1}\n', '2: "gpt" names no model'),
        ('"a:b": {input_mtok: -1, output_mtok: 1}\n', "1: "),
        ('"a:b": {input_mtok: x, output_mtok: 1}\n', "1: "),
        ("{", "1: "),
        ("", "1: the file is empty"),
        ("[1]", "1: a price table maps provider:model to its prices"),
    ],
)
def test_a_price_table_that_cannot_be_meant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, reason: str
) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(text)
    assert run(["costs", "reprice", "--prices", str(file)]) == exits.BAD_INPUT
    assert capsys.readouterr().err.startswith(f"{file}:{reason}")
