"""OpenTelemetry's own variables, with the types that its specification gives them.

Runfold reads some itself; the others are read by OpenTelemetry's SDK, from the same environment. A
value that the SDK would only warn of is refused here, before a process works without its spans.
What is not listed goes to the SDK as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runfold.infra.settings.errors import ConfigError
from runfold.infra.settings.kinds import (
    BOOLEAN,
    HTTP,
    LINE,
    PAIRS,
    choice,
    decimal,
    number,
)
from runfold.infra.settings.variable import Variable, hidden, without_password

_READERS = "all but `runfold`"
_MOST = 2**31 - 1
_BASES = ("always_on", "always_off", "traceidratio")

SDK_DISABLED = Variable(
    "OTEL_SDK_DISABLED", BOOLEAN, False, _READERS, "`true`: no spans, whatever else is set",
    "`false`",
)  # fmt: skip
SERVICE_NAME = Variable(
    "OTEL_SERVICE_NAME", LINE, "", _READERS, "the service that spans name",
    "the name of the process, such as `runfold-projector`",
)  # fmt: skip
RESOURCE_ATTRIBUTES = Variable(
    "OTEL_RESOURCE_ATTRIBUTES", PAIRS, (), _READERS, "attributes of all spans of the process",
    "none",
)  # fmt: skip
TRACES_SAMPLER = Variable(
    "OTEL_TRACES_SAMPLER", choice(*_BASES, *(f"parentbased_{one}" for one in _BASES)),
    "parentbased_always_on", _READERS, "which runs are traced",
)  # fmt: skip
TRACES_SAMPLER_ARG = Variable(
    "OTEL_TRACES_SAMPLER_ARG", decimal(0, 1), 1.0, _READERS,
    "the share of runs that `traceidratio` takes", "`1`",
)  # fmt: skip
ENDPOINT = Variable(
    "OTEL_EXPORTER_OTLP_ENDPOINT", HTTP, "", _READERS,
    "a collector that takes OTLP over HTTP; `/v1/traces` is added", "none: no spans",
    without_password,
)  # fmt: skip
TRACES_ENDPOINT = Variable(
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", HTTP, "", _READERS,
    "the same for spans alone; nothing is added", "`OTEL_EXPORTER_OTLP_ENDPOINT`",
    without_password,
)  # fmt: skip

HEADERS = Variable(
    "OTEL_EXPORTER_OTLP_HEADERS", PAIRS, (), _READERS, "headers for the collector", "none", hidden
)  # fmt: skip
TRACES_HEADERS = Variable(
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS", PAIRS, (), _READERS, "the same for spans alone",
    "`OTEL_EXPORTER_OTLP_HEADERS`", hidden,
)  # fmt: skip
TIMEOUT = Variable(
    "OTEL_EXPORTER_OTLP_TIMEOUT", decimal(0, _MOST), 10.0, _READERS,
    "how long one export may take; the Python SDK counts it in seconds", "`10`",
)  # fmt: skip
TRACES_TIMEOUT = Variable(
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", decimal(0, _MOST), 10.0, _READERS,
    "the same for spans alone", "`OTEL_EXPORTER_OTLP_TIMEOUT`",
)  # fmt: skip
COMPRESSION = Variable(
    "OTEL_EXPORTER_OTLP_COMPRESSION", choice("gzip", "deflate", "none"), "none", _READERS,
    "how exports are compressed",
)  # fmt: skip
TRACES_COMPRESSION = Variable(
    "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", choice("gzip", "deflate", "none"), "none", _READERS,
    "the same for spans alone", "`OTEL_EXPORTER_OTLP_COMPRESSION`",
)  # fmt: skip
SCHEDULE_DELAY = Variable(
    "OTEL_BSP_SCHEDULE_DELAY", number(1, _MOST), 5000, _READERS,
    "milliseconds between two exports",
)  # fmt: skip
EXPORT_TIMEOUT = Variable(
    "OTEL_BSP_EXPORT_TIMEOUT", number(1, _MOST), 30000, _READERS,
    "milliseconds that an export may take",
)  # fmt: skip
QUEUE_SIZE = Variable(
    "OTEL_BSP_MAX_QUEUE_SIZE", number(1, _MOST), 2048, _READERS,
    "spans that wait for export at most; further ones are dropped",
)  # fmt: skip
EXPORT_BATCH_SIZE = Variable(
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", number(1, _MOST), 512, _READERS,
    "spans of one export, at most `OTEL_BSP_MAX_QUEUE_SIZE`",
)  # fmt: skip

_OF_THE_SDK: tuple[Variable[Any], ...] = (
    RESOURCE_ATTRIBUTES, HEADERS, TRACES_HEADERS, TIMEOUT, TRACES_TIMEOUT, COMPRESSION,
    TRACES_COMPRESSION, SCHEDULE_DELAY, EXPORT_TIMEOUT, QUEUE_SIZE, EXPORT_BATCH_SIZE,
)  # fmt: skip


def exports_spans(env: Mapping[str, str]) -> bool:
    """Return whether spans are sent from this environment; raises ConfigError."""
    if SDK_DISABLED.read(env):
        return False
    return any([ENDPOINT.read(env), TRACES_ENDPOINT.read(env)])


def check_sdk(env: Mapping[str, str]) -> None:
    """Raise ConfigError where a variable that the SDK reads holds what it cannot use."""
    for variable in _OF_THE_SDK:
        variable.read(env)
    batch, queue = EXPORT_BATCH_SIZE.read(env), QUEUE_SIZE.read(env)
    if batch > queue:
        raise ConfigError(
            f"{EXPORT_BATCH_SIZE.name} must be at most {QUEUE_SIZE.name}, which is {queue}, "
            f"not {batch}."
        )
