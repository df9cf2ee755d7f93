"""``make bench-waiting``: that waiting is not failing, in figures; build/waiting.json.

1. neighbours: runs of a quick tool alone, and beside 300 calls of a slow one that takes two at once
2. outage: queued runs whose provider is away for OUTAGE seconds, and then is there again
3. deployment: calls with effects are under way while the tool pool is restarted

Exit code 0 where no run failed and no call is in doubt; the ratio of the neighbours is printed, not
judged: it belongs to the machine and its hour.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.support.stack import running
from benchmarks.support.trend import percentile
from benchmarks.waiting.world import Provider, manifest, provider
from runfold import Client, Run, connect
from runfold.stack.settings import Settings
from runfold.surfaces.processes import PROCESSES

_PATIENCE_S = 900.0
_FAST_RUNS = 60
_SLOW_RUNS = 300
_PAYMENTS = 6


def _ends(runs: Sequence[Run]) -> Counter[str]:
    """Wait for the ends of runs and count how they were."""
    return Counter(run.wait(timeout=_PATIENCE_S).status for run in runs)


def _latencies(client: Client, count: int) -> list[float]:
    took = []
    for number in range(count):
        began = time.perf_counter()
        client.run(f"{number}", agent="quick").wait(timeout=_PATIENCE_S)
        took.append((time.perf_counter() - began) * 1000)
    return took


def neighbours(client: Client) -> dict[str, Any]:
    """Measure a quick tool's runs alone, and beside the backlog of a slow tool."""
    _latencies(client, 10)
    alone = _latencies(client, _FAST_RUNS)
    slow = [client.run(f"s{number}", agent="slow") for number in range(_SLOW_RUNS)]
    time.sleep(5)
    beside = _latencies(client, _FAST_RUNS)
    left = _SLOW_RUNS - sum(run.status().status == "completed" for run in slow)
    ends = _ends(slow)
    return {
        "alone_ms": {p: percentile(alone, p) for p in (50, 95)},
        "beside_ms": {p: percentile(beside, p) for p in (50, 95)},
        "p95_ratio": round(percentile(beside, 95) / percentile(alone, 95), 2),
        "slow_runs_left_meanwhile": left,
        "slow_ends": dict(ends),
    }


def outage(client: Client, model: Provider, runs: int, seconds: float) -> dict[str, Any]:
    """Ask for runs while their provider is away; count how they end once it is back."""
    model.away = True
    asked = [client.run(f"o{number}", agent="asker") for number in range(runs)]
    time.sleep(seconds)
    refused, model.away, back = model.refused, False, time.monotonic()
    ends = _ends(asked)
    return {
        "runs": runs,
        "away_s": seconds,
        "refused_meanwhile": refused,
        "all_ended_after_s": round(time.monotonic() - back, 1),
        "ends": dict(ends),
    }


def deployment(client: Client, settings: Settings) -> dict[str, Any]:
    """Restart the tool pool while calls with effects are under way; count those in doubt."""
    paid = [client.run(f"p{number}", agent="pay") for number in range(_PAYMENTS)]
    time.sleep(4)
    began = time.monotonic()
    _command(settings, "restart", "tools")
    took = time.monotonic() - began
    time.sleep(30)
    with psycopg.connect(settings.database_url) as connection:
        rows = connection.execute(
            "SELECT status, count(*) FROM tool_invocations WHERE tool_name = 'wait.pay' GROUP BY 1"
        ).fetchall()
    doubts = sum(count for status, count in rows if status == "uncertain")
    return {
        "calls": _PAYMENTS,
        "restart_s": round(took, 1),
        "in_doubt": doubts,
        "ends": {} if doubts else dict(_ends(paid)),
    }


def _command(settings: Settings, *arguments: str) -> None:
    home = {"RUNFOLD_HOME": str(settings.home)}
    subprocess.run(
        [sys.executable, "-m", "runfold", *arguments], env={**os.environ, **home}, check=True
    )


def _measured(settings: Settings, model: Provider, chosen: argparse.Namespace) -> dict[str, Any]:
    manifests = settings.home / "waiting.yaml"
    manifests.write_text(manifest())
    _command(settings, "apply", "-f", str(manifests))
    found: dict[str, Any] = {}
    with connect(settings.bootstrap_servers) as client:
        if "neighbours" in chosen.parts:
            found["neighbours"] = neighbours(client)
        if "outage" in chosen.parts:
            found["outage"] = outage(client, model, chosen.runs, chosen.outage)
        if "deployment" in chosen.parts:
            found["deployment"] = deployment(client, settings)
    return found


def main(arguments: Sequence[str]) -> int:
    """Measure, print and write; 0 where nothing failed and nothing is in doubt."""
    parts = ["neighbours", "outage", "deployment"]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=800, help="runs that wait for the provider")
    parser.add_argument("--outage", type=float, default=600, help="seconds that it is away")
    parser.add_argument("--parts", nargs="*", default=parts, choices=parts)
    chosen = parser.parse_args(arguments)
    root = Path(__file__).parents[2]
    with tempfile.TemporaryDirectory(prefix="runfold-waiting-") as folder, provider() as model:
        home = Path(folder)
        home.chmod(0o755)
        os.environ |= {
            "OPENAI_API_KEY": "sk-waiting",
            "OPENAI_BASE_URL": model.address,
            "RUNFOLD_TOOL_MODULES": "benchmarks.waiting.tools",
            "PYTHONPATH": str(root),
        }
        with running(home, PROCESSES) as settings:
            found = _measured(settings, model, chosen)
    target = Path("build/waiting.json")
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))
    failed = {end for part in found.values() for end in part.get("ends", {}) if end != "success"}
    return 1 if failed or found.get("deployment", {}).get("in_doubt") else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
