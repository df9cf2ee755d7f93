"""``runfold config``: what people and programs see of the settings."""

from __future__ import annotations

import json

import pytest

from runfold.surfaces.cli import exits
from runfold.surfaces.cli.__main__ import run


def test_config_lists_every_setting_and_reports_strangers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: object
) -> None:
    monkeypatch.setenv("RUNFOLD_HOME", str(tmp_path))
    monkeypatch.setenv("RUNFOLD_PARTITION", "4")
    monkeypatch.setenv("OPENAI_API_KEY", "hush-hush")
    assert run(["config"]) == exits.OK
    said = capsys.readouterr().out
    assert "RUNFOLD_PARTITION is not a setting of Runfold: did you mean RUNFOLD_PARTITIONS?" in said
    assert "hush" not in said
    assert run(["config", "--json"]) == exits.OK
    found = json.loads(capsys.readouterr().out)
    assert found["unknown"] == [{"name": "RUNFOLD_PARTITION", "meant": "RUNFOLD_PARTITIONS"}]
    home = next(one for one in found["settings"] if one["name"] == "RUNFOLD_HOME")
    assert (home["value"], home["source"], home["problem"]) == (str(tmp_path), "environment", "")


def test_config_shows_what_is_wrong_where_every_other_command_stops(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RUNFOLD_PARTITIONS", "many")
    assert run(["config"]) == exits.BAD_INPUT
    assert "RUNFOLD_PARTITIONS must be a number from 1 to 1000, not 'many'." in (
        capsys.readouterr().out
    )
