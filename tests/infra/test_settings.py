"""The table of settings: every variable, whatever it holds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runfold.infra.settings.config import Config
from runfold.infra.settings.declared import variables
from runfold.infra.settings.errors import ConfigError
from runfold.infra.settings.listing import Setting, settings_in
from runfold.infra.settings.table import FAMILIES, VARIABLES, Unknown, unknown
from runfold.infra.settings.variable import Variable, without_password

ROOT = Path(__file__).parents[2]
ROOMS = ("infra", "stack", "producers", "processors", "projections", "surfaces", "events")

HOSTILE = [
    "abc",
    "-1",
    "0",
    "9" * 5000,
    "1e999",
    "nan",
    "٣",
    "a b",
    "a\nb",
    "\x00",
    "~no-such-user",
]

# They pass an environment on, or look through all of it.
READERS = {
    "infra/logging/json_lines.py",
    "infra/metrics/serving.py",
    "infra/process/runner.py",
    "infra/secrets/environment.py",
    "infra/secrets/taking.py",
    "infra/settings/config.py",
    "infra/settings/variable.py",
    "infra/tracing/spans.py",
    "processors/model/providers/settings.py",
    "processors/tool/children/inside/__main__.py",
    "processors/tool/children/inside/confine.py",
    "processors/tool/children/settings.py",
    "stack/spawning.py",
    "stack/kafka/broker.py",
    "stack/postgres/server.py",
    "stack/supervisor/surroundings.py",
    "stack/settings.py",
    "surfaces/cli/commands/config.py",
    "surfaces/cli/publishing.py",
    "surfaces/cli/sql/psql.py",
}


def named(name: str) -> Variable[Any]:
    return next(variable for variable in VARIABLES if variable.name == name)


def setting(name: str, env: dict[str, str], stack: dict[str, str] | None = None) -> Setting:
    return next(one for one in settings_in(env, stack or {}) if one.name == name)


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
@pytest.mark.parametrize("text", ["", " ", "\t\n"])
def test_an_empty_variable_is_as_one_that_is_not_set(variable: Variable[Any], text: str) -> None:
    assert variable.read({variable.name: text}) == variable.default == variable.read({})


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
@given(text=st.one_of(st.sampled_from(HOSTILE), st.text(), st.integers().map(str)))
def test_whatever_it_holds_is_a_value_or_one_sentence(variable: Variable[Any], text: str) -> None:
    try:
        variable.read({variable.name: text})
    except ConfigError as refusal:
        error = refusal
    else:
        return
    sentence, held = str(error), repr(text.strip())[1:-1]
    assert sentence.startswith(f"{variable.name} must be {variable.kind.expects}, not ")
    assert len(sentence) < 400
    assert error.__cause__ is None
    assert variable.mask is None or len(held) <= 8 or held not in sentence


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("RUNFOLD_PARTITIONS", text) for text in ("0", "1001", "-4", "4.5", "many", "9" * 5000)),
        *(("RUNFOLD_STALL_AFTER_S", text) for text in ("0", "3601", "1e3", "٣")),
        *(("RUNFOLD_CLAIM_LEASE_S", text) for text in ("soon", "0", "nan", "inf", "1e99")),
        *(("RUNFOLD_FIXED_PARTITIONS", text) for text in ("-1", "a", "1-3", "1000", ",")),
        *(("RUNFOLD_PROJECTOR_PARTITIONS", text) for text in ("0;1", "1.0")),
        ("RUNFOLD_OWNERSHIP", "Group"),
        ("RUNFOLD_GROUP_PROTOCOL", "new"),
        ("RUNFOLD_TRACE_CONTENT", "yes"),
        ("RUNFOLD_METRICS_PORT", "65536"),
        ("RUNFOLD_DATABASE_SCHEMA", "pg_catalog"),
        ("KAFKA_BOOTSTRAP_SERVERS", "one:9092,,two:9092"),
        ("SCHEMA_REGISTRY_URL", "registry:8081"),
        ("OPENAI_API_KEY", "sk-two words"),
    ],
)
def test_what_cannot_be_meant_is_refused(name: str, text: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name} must be "):
        named(name).read({name: text})


def test_what_is_meant_is_understood() -> None:
    assert named("RUNFOLD_FIXED_PARTITIONS").read({"RUNFOLD_FIXED_PARTITIONS": "2, 0 2"}) == (0, 2)
    assert named("RUNFOLD_TOOL_MODULES").read({"RUNFOLD_TOOL_MODULES": "a.b, c"}) == ("a.b", "c")
    assert variables.CLAIM_LEASE.read({"RUNFOLD_CLAIM_LEASE_S": "2.5"}) == 2.5
    env = {"KAFKA_BOOTSTRAP_SERVERS": " one:9092 , two:9092 ", "KAFKA_SASL_MECHANISM": "PLAIN"}
    kafka = Config.from_env(env).kafka
    assert (kafka["bootstrap.servers"], kafka["sasl.mechanism"]) == ("one:9092,two:9092", "PLAIN")


def test_a_long_value_is_cut_in_the_sentence() -> None:
    with pytest.raises(ConfigError, match=r"not '9{60}'… \(5000 characters\)\.$"):
        variables.PARTITIONS_COUNT.read({"RUNFOLD_PARTITIONS": "9" * 5000})


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("RUNFOLD_PARTITION", "RUNFOLD_PARTITIONS"),
        ("RUNFOLD_METRIC_PORT", "RUNFOLD_METRICS_PORT"),
        ("RUNFOLD_TOOLMODULES", "RUNFOLD_TOOL_MODULES"),
        ("RUNFOLD_SECRETS", None),
        ("RUNFOLD_", None),
        ("RUNFOLD_" + "X" * 100_000, None),
    ],
)
def test_a_variable_that_nothing_reads_is_reported(name: str, meant: str | None) -> None:
    found = unknown({name: "1", "PATH": "/bin", "RUNFOLD_HOME": "/h"})
    assert [one.name for one in found] == [name]
    if meant is not None:
        assert found == (Unknown(name, meant),)
        assert str(found[0]) == f"{name} is not a setting of Runfold: did you mean {meant}?"


def test_no_variable_of_the_table_is_reported() -> None:
    names = [variable.name for variable in VARIABLES] + [f"{one.prefix}X" for one in FAMILIES]
    assert unknown(dict.fromkeys(names, "1")) == ()
    assert len(names) == len(set(names))


def test_every_setting_shows_its_source_and_no_secret() -> None:
    env = {
        "RUNFOLD_PARTITIONS": "many",
        "DATABASE_URL": "postgresql://me:hush@db/x?password=hush",
        "OPENAI_API_KEY": "hush-key",
        "KAFKA_SASL_PASSWORD": "hush",
        "KAFKA_SASL_USERNAME": "me",
        "RUNFOLD_SECRET_CRM": "hush",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://me:hush@collector:4318",
    }
    stack = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9", "DATABASE_URL": "postgresql://stack/x"}
    assert "hush" not in repr(settings_in(env, stack))
    bootstrap = setting("KAFKA_BOOTSTRAP_SERVERS", env, stack)
    assert (bootstrap.source, bootstrap.value) == ("stack", "127.0.0.1:9")
    database = setting("DATABASE_URL", env, stack)
    assert (database.source, database.value) == ("environment", "postgresql://me:***@db/x?***")
    assert setting("RUNFOLD_TOOL_CALLS", env).value == "64"
    assert setting("RUNFOLD_INSTANCE", env).value is None
    assert setting("KAFKA_SASL_USERNAME", env).value == "me"
    wrong = setting("RUNFOLD_PARTITIONS", env)
    assert wrong.problem == "RUNFOLD_PARTITIONS must be a number from 1 to 1000, not 'many'."


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:p@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u:p@ss@h/d", "postgresql://u:***@h/d"),
        ("postgresql://h/d", "postgresql://h/d"),
        ("host=h password=p", "***"),
    ],
)
def test_passwords_are_not_shown(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_the_environment_is_read_in_one_room() -> None:
    reads = re.compile(r"\benviron\b|\bgetenv\b")
    found = {
        str(path.relative_to(ROOT))
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if reads.search(path.read_text(encoding="utf-8"))
    }
    assert found == READERS


def test_every_own_variable_that_the_code_names_is_in_the_table() -> None:
    pattern = re.compile(r"\bRUNFOLD_[A-Z_]*[A-Z]\b")
    found = {
        name
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        for name in pattern.findall(path.read_text(encoding="utf-8"))
    }
    assert unknown(dict.fromkeys(found - {"RUNFOLD_SECRET"}, "1")) == ()
