"""The report of a campaign: sums over its rounds, one line a round, a page."""

from __future__ import annotations

import html
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import confluent_kafka

from tests.system.torture.judgement.plots import dots, timeline
from tests.system.torture.judgement.recovery import percentile
from tests.system.torture.judgement.verdict import Verdict

_SUMS = (
    "runs",
    "acknowledged",
    "inputs",
    "events",
    "kills",
    "lost",
    "doubled",
    "unequal_views",
    "zombie_writes",
    "suppressed",
    "poison",
    "calls_held",
    "cancelled",
    "uncertain",
    "acts",
    "zombies_refused",
    "views_compared",
)
_SHOWN = 20

WORLD = "a world of its own"
"""The mode of a round whose runs and faults belong together."""


def line(verdict: Verdict) -> str:
    """One round in one line, and what it broke."""
    found = verdict.as_dict()
    said = ", ".join(f"{name} {found[name]}" for name in _SUMS)
    broken = [f"  BROKEN {violation}" for violation in verdict.violations[:_SHOWN]]
    reached = [f"  {verdict.surfaces}"] if verdict.surfaces else []
    return "\n".join([f"  {said}, settled in {verdict.settled_s} s", *reached, *broken])


def summary(
    played: Sequence[Mapping[str, Any]], chosen: Mapping[str, Any], mutants: Mapping[str, Any]
) -> dict[str, Any]:
    """The sums of a campaign; ``held`` says whether every invariant held in every round.

    ``mutants`` is what the last ``make mutants`` found, empty where it was never run.
    """
    recovery: dict[str, list[float]] = {}
    faults: Counter[str] = Counter()
    for one in played:
        faults.update(one["faults"])
        for kind, seconds in one["recovery_s"].items():
            recovery.setdefault(kind, []).extend(seconds)
    everything = [second for seconds in recovery.values() for second in seconds]
    violations = [f"{one['seed']}: {said}" for one in played for said in one["violations"]]
    sums = {name: sum(one.get(name, 0) for one in played) for name in _SUMS}
    # A round in which nothing died or came twice proves nothing; a world shows something else.
    mixed = [one for one in played if one["mode"] != WORLD]
    proved = not mixed or (sums["suppressed"] > 0 and sums["kills"] > 0)
    return {
        "held": not violations and proved,
        **sums,
        "mutants": mutants.get("mutants", 0),
        "mutants_caught": mutants.get("mutants_caught", 0),
        "recovery_p99_s": percentile(everything, 99),
        "recovery": {kind: _spread(seconds) for kind, seconds in sorted(recovery.items())},
        "restore": _restores([pair for one in played for pair in one["restores"]]),
        "settled_max_s": max((one["settled_s"] for one in played), default=0),
        "faults": dict(faults.most_common()),
        "violations": violations,
        "chosen": {name: value for name, value in chosen.items() if name != "keep"},
        "versions": {
            "python": platform.python_version(),
            "confluent_kafka": str(confluent_kafka.version()),
            "librdkafka": str(confluent_kafka.libversion()[0]),
            **(played[0]["servers"] if played else {}),
            "code": ", ".join(dict.fromkeys(one["code"] for one in played)),
        },
        "rounds": list(played),
    }


def _restores(found: list[tuple[int, float]]) -> dict[str, float]:
    seconds = [took for _, took in found]
    read = sum(records for records, _ in found)
    return {
        "count": len(found),
        "records": read,
        "records_per_s": round(read / sum(seconds)) if sum(seconds) else 0,
        "p50_s": percentile(seconds, 50),
        "p99_s": percentile(seconds, 99),
    }


def _spread(seconds: list[float]) -> dict[str, float]:
    return {
        "count": len(seconds),
        "p50": percentile(seconds, 50),
        "p99": percentile(seconds, 99),
        "max": max(seconds, default=0.0),
    }


def show(found: Mapping[str, Any]) -> None:
    """Print what matters."""
    for name in (*_SUMS, "mutants", "mutants_caught", "recovery_p99_s", "settled_max_s"):
        print(f"{name:>18} {found[name]}")
    for kind, spread in found["recovery"].items():
        print(f"{kind:>32} {spread}")
    for said in found["violations"][:_SHOWN]:
        print(f"BROKEN {said}")
    print("every invariant held" if found["held"] else "NOT EVERY INVARIANT HELD")


def page(found: Mapping[str, Any]) -> str:
    """The report as one page of HTML that needs nothing from elsewhere."""
    rows = "".join(
        f"<tr><th>{name}</th><td>{found[name]}</td></tr>"
        for name in (*_SUMS, "mutants", "mutants_caught", "recovery_p99_s", "settled_max_s")
    )
    faults = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{count}</td></tr>"
        for name, count in found["faults"].items()
    )
    broken = "".join(f"<li>{html.escape(said)}</li>" for said in found["violations"])
    recovery: dict[str, list[float]] = {}
    for one in found["rounds"]:
        for kind, seconds in one["recovery_s"].items():
            recovery.setdefault(kind, []).extend(seconds)
    rounds = "".join(
        f"<h3>Round {html.escape(one['seed'])}, {one['mode']}</h3>"
        + timeline(one["timeline"], one["marks"])
        for one in found["rounds"]
    )
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    verdict = "Every invariant held." if found["held"] else "Not every invariant held."
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Torture</title>"
        f"<style>{_STYLE}</style><h1>Torture</h1><p>{verdict}</p><p>{versions}</p><ul>{broken}</ul>"
        f"<table>{rows}</table><h2>Recovery of runs after a kill, in seconds</h2>"
        f"{dots(recovery)}<h2>Faults</h2><table>{faults}</table>"
        f"<h2>Events a second, and the faults</h2>{rounds}"
    )


_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse}th{text-align:left;font-weight:500}"
    "td,th{padding:.1rem .8rem .1rem 0;border-bottom:1px solid #ddd}td{text-align:right}"
    "svg{width:100%;height:auto}text{font:11px system-ui,sans-serif}"
)
