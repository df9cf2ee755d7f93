"""The record of settings: what differs is found, and no secret can be read from it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runfold.infra.settings.recorded import Change, changes, recorded

POOL = frozenset({"tool pool", "pools"})
KEY = "of a stack"


def of(env: dict[str, str], readers: frozenset[str] = POOL, calls: bool = True) -> object:
    return recorded(env, KEY, readers, calls=calls)


def said(was: dict[str, str], now: dict[str, str], readers: frozenset[str] = POOL) -> list[str]:
    found = changes(
        recorded(was, KEY, readers, calls=True), recorded(now, KEY, readers, calls=True)
    )
    return [str(change) for change in found]


def test_what_differs_is_said_by_name_with_both_values() -> None:
    was = {"RUNFOLD_TOOL_MODULES": "shop", "RUNFOLD_TOOL_CALLS": "8", "RUNFOLD_DRAIN_S": "60"}
    now = {"RUNFOLD_TOOL_MODULES": "shop,crm", "RUNFOLD_TOOL_CALLS": "8", "PYTHONPATH": "/srv"}
    assert said(was, now) == [
        "PYTHONPATH was not set, is now /srv",
        "RUNFOLD_DRAIN_S was 60, is now not set",
        "RUNFOLD_TOOL_MODULES was shop, is now shop,crm",
    ]
    assert said(was, was) == []


def test_a_default_that_is_written_down_is_no_change() -> None:
    assert said({}, {"RUNFOLD_TOOL_CALLS": " 64 ", "RUNFOLD_CLAIM_LEASE_S": "10"}) == []


def test_only_what_a_part_reads_is_compared() -> None:
    now = {
        "RUNFOLD_MONITOR_HOST": "::",  # read by another part
        "RUNFOLD_TENANT": "acme",  # by commands
        "RUNFOLD_HOME": "/x",  # it is in this home
        "RUNFOLD_METRICS_PORT": "1",  # the supervisor chooses it
        "PATH": "/bin",
    }
    assert said({}, now) == []
    assert said({}, now, frozenset({"monitor"})) == ["RUNFOLD_MONITOR_HOST was not set, is now ::"]
    # What all read, all are told.
    security = {"KAFKA_SECURITY_PROTOCOL": "SSL"}
    assert said({}, security, frozenset())
    assert said({}, {"RUNFOLD_PARTITIONS": "9"}, frozenset({"runfold up"})) == []
    keys = {"ACME_API_KEY": "hush-hush", "PYTHONPATH": "/srv"}
    assert of(keys, calls=False) == {}


SECRETS = {
    "RUNFOLD_SECRET_CRM": "hush-of-crm",
    "ACME_API_KEY": "hush-of-acme",
    "KAFKA_SASL_PASSWORD": "hush-of-kafka",
    "DATABASE_URL": "postgresql://me:hush-of-db@host/db",
    "OTEL_EXPORTER_OTLP_HEADERS": "authorization=hush-of-otel",
}


@pytest.mark.parametrize("name", SECRETS)
def test_another_secret_is_noticed_and_never_shown(name: str) -> None:
    was, now = SECRETS, {**SECRETS, name: SECRETS[name].replace("hush", "other")}
    assert said(was, now) == [f"{name} is another one now"]
    for env in (was, now):
        record = json.dumps(of(env))
        assert name in record
        assert "hush" not in record
        assert "other-of" not in record
    # Whoever guesses a secret cannot look its digest up: it is keyed.
    one, two = (recorded(SECRETS, key, POOL, calls=True) for key in ("a", "b"))
    assert one[name][1] != two[name][1]


def test_a_file_that_a_setting_names_belongs_to_it(tmp_path: Path) -> None:
    prices, rules = tmp_path / "prices.yaml", tmp_path / "rules.yaml"
    prices.write_text("a")
    env = {"RUNFOLD_PRICES": str(prices), "RUNFOLD_MONITOR_RULES": f"/none, {rules}"}
    readers = frozenset({"model pool", "monitor"})
    before = recorded(env, KEY, readers, calls=True)
    prices.write_text("b")
    rules.write_text("c")
    after = recorded(env, KEY, readers, calls=True)
    assert [str(change) for change in changes(before, after)] == [
        "RUNFOLD_MONITOR_RULES has changed in its file",
        "RUNFOLD_PRICES has changed in its file",
    ]


def test_a_long_text_is_shown_in_short_and_compared_whole() -> None:
    text = "x: |\n" + "y" * 500
    (change,) = changes(
        recorded({"RUNFOLD_PRICES": text + "1"}, KEY, frozenset({"model pool"}), calls=True),
        recorded({"RUNFOLD_PRICES": text + "2"}, KEY, frozenset({"model pool"}), calls=True),
    )
    assert change.was == change.now
    assert len(change.was) < 100
    assert "\n" not in change.was
    assert isinstance(change, Change)


@pytest.mark.parametrize(
    ("readers", "found"),
    [
        (frozenset({"projector"}), True),
        (frozenset({"monitor"}), False),
        (frozenset({"runfold up"}), False),
    ],
)
def test_where_the_keys_are_is_kept_of_everybody_but_the_monitor(
    readers: frozenset[str], found: bool
) -> None:
    env = {"RUNFOLD_KEYS": "file:/srv/keys.json"}
    assert ("RUNFOLD_KEYS" in recorded(env, KEY, readers, calls=False)) is found
