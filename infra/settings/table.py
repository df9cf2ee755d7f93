"""The table of settings as a whole: its rows in order, and what of an environment is not in it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runfold.infra.settings.declared import (
    a2a,
    delivery,
    gateway,
    isolation,
    mcp,
    opa,
    opentelemetry,
    outgoing,
    variables,
    vault,
)
from runfold.infra.settings.variable import Family, Variable

VARIABLES: tuple[Variable[Any], ...] = tuple(
    found
    for module in (
        *(variables, vault, opa, isolation, gateway, a2a, mcp),
        *(delivery, outgoing, opentelemetry),
    )
    for found in vars(module).values()
    if isinstance(found, Variable)
)
"""Every variable, in the order of its declaration."""

KNOWN = frozenset(variable.name for variable in VARIABLES)
"""Their names."""

_SECRET = ("PASSWORD", "SECRET", "KEY", "PEM", "TOKEN", "HEADERS", "CONFIG")

FAMILIES: tuple[Family, ...] = (
    *(
        Family(prefix, "all", "any librdkafka setting that begins so, `_` for `.`", _SECRET)
        for prefix in (
            "KAFKA_SECURITY_",
            "KAFKA_SASL_",
            "KAFKA_SSL_",
            "KAFKA_ENABLE_SSL_",
            "KAFKA_CLIENT_",
            "KAFKA_SOCKET_",
            "KAFKA_BROKER_ADDRESS_",
        )
    ),
    Family(
        "RUNFOLD_SECRET_",
        "tool pool, run processor, gateway, delivery",
        "a secret that contracts ask for by name in `auth`, and channels in their file",
        ("",),
    ),
    Family(
        "OTEL_",
        "all but `runfold`",
        "what else OpenTelemetry's SDK reads; passed on as it is",
        _SECRET,
    ),
    Family("RUNFOLD_BENCH_", "benchmarks", "of the benchmarks", documented=False),
    Family("RUNFOLD_TEST_", "tests", "of the tests", documented=False),
    Family("RUNFOLD_REFUND_", "examples", "of an example", documented=False),
)
"""Variables whose names are not known beforehand; the names of the table do not count."""

_OWN = "RUNFOLD_"


@dataclass(frozen=True, slots=True)
class Unknown:
    """A variable that looks like a setting and is none; ``meant`` is the nearest that is."""

    name: str
    meant: str | None

    def __str__(self) -> str:
        hint = f": did you mean {self.meant}?" if self.meant else "."
        return f"{self.name} is not a setting of Runfold{hint}"


def unknown(env: Mapping[str, str]) -> tuple[Unknown, ...]:
    """Return the ``RUNFOLD_*`` variables of an environment that nothing reads, by name."""
    candidates = [name for name in sorted(KNOWN) if name.startswith(_OWN)]
    found = []
    for name in sorted(env):
        if not name.startswith(_OWN) or name in KNOWN or any(f.holds(name) for f in FAMILIES):
            continue
        near = difflib.get_close_matches(name[:100], candidates, n=1, cutoff=0.8)
        found.append(Unknown(name, near[0] if near else None))
    return tuple(found)
