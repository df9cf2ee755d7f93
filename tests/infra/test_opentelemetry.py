"""OpenTelemetry's variables: typed where its specification gives a type, otherwise passed on."""

from __future__ import annotations

import pytest

from runfold.infra.settings.declared import opentelemetry as otel
from runfold.infra.settings.errors import ConfigError
from runfold.infra.settings.listing import Setting, settings_in
from runfold.infra.tracing.spans import Traces

COLLECTOR = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}


def listed(env: dict[str, str], name: str) -> list[Setting]:
    return [one for one in settings_in(env, {}) if one.name == name]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("OTEL_SDK_DISABLED", "yes"),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zip"),
        ("OTEL_RESOURCE_ATTRIBUTES", "team"),
        ("OTEL_BSP_SCHEDULE_DELAY", "1.5"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4096"),
    ],
)
def test_a_value_that_the_sdk_would_only_warn_of_is_refused(name: str, text: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name} must be .*, not "):
        Traces.from_env("x", {**COLLECTOR, name: text})


def test_a_bad_header_is_refused_and_not_shown() -> None:
    env = {**COLLECTOR, "OTEL_EXPORTER_OTLP_HEADERS": "hush-hush"}
    with pytest.raises(ConfigError, match=r"^OTEL_EXPORTER_OTLP_HEADERS must be") as refusal:
        Traces.from_env("x", env)
    assert "hush" not in str(refusal.value)
    (shown,) = listed(env, "OTEL_EXPORTER_OTLP_HEADERS")
    assert (shown.value, shown.secret) == ("***", True)
    assert shown.problem == str(refusal.value)


def test_values_have_the_types_of_the_specification() -> None:
    assert otel.SDK_DISABLED.read({"OTEL_SDK_DISABLED": "TRUE"}) is True
    assert otel.SDK_DISABLED.read({"OTEL_SDK_DISABLED": "False"}) is False
    assert otel.TRACES_SAMPLER_ARG.read({"OTEL_TRACES_SAMPLER_ARG": "0.25"}) == 0.25
    assert otel.QUEUE_SIZE.read({"OTEL_BSP_MAX_QUEUE_SIZE": "64"}) == 64
    attributes = {"OTEL_RESOURCE_ATTRIBUTES": "team=a%20b, stage=prod=1,"}
    assert otel.RESOURCE_ATTRIBUTES.read(attributes) == (("team", "a b"), ("stage", "prod=1"))


def test_a_disabled_sdk_is_not_asked_about_the_rest() -> None:
    env = {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}
    assert Traces.from_env("x", env) is None


def test_each_variable_is_listed_once_with_its_source() -> None:
    env = {"OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_LOG_LEVEL": "whatever"}
    (typed,) = listed(env, "OTEL_BSP_SCHEDULE_DELAY")
    assert (typed.value, typed.source, typed.default) == ("100", "environment", "5000")
    (passed_on,) = listed(env, "OTEL_LOG_LEVEL")
    assert (passed_on.value, passed_on.source, passed_on.problem) == ("whatever", "environment", "")
    (default,) = listed({}, "OTEL_TRACES_SAMPLER")
    assert (default.value, default.source) == ("parentbased_always_on", "default")
