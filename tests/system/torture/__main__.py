"""``make torture SECONDS=300 SEED=7``: rounds of load and faults, judged; 0 if all invariants held.

Writes build/torture.json and build/torture.html. The seed decides every fault and every run's
shape; ``TORTURE="--round 7/2"`` plays that round of seed 7 alone again. After the rounds come as
many worlds, in turn; ``TORTURE="--worlds all" SECONDS=0`` plays all of them and nothing else. The
counts of mutants are those of the last ``make mutants``.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.system.torture.campaign import campaign
from tests.system.torture.judgement import report

_PLACES = {"after", "keep"}


def main(arguments: list[str]) -> int:
    """Play, report, and say whether every invariant held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--round", default="", help="play this round alone, such as 7/2")
    parser.add_argument("--rate", type=float, default=40.0, help="runs a second")
    parser.add_argument("--open", type=int, default=1000, help="most open runs")
    parser.add_argument("--again", type=float, default=0.1, help="share of inputs said again")
    parser.add_argument("--every", type=float, default=1.0, help="mean s between processes' faults")
    parser.add_argument("--servers-every", type=float, default=10.0, help="and between servers'")
    parser.add_argument("--kinds", default="", help="only these faults, such as kill,broker")
    parser.add_argument("--brokers", type=int, choices=(1, 3), help="in every round; else in turn")
    parser.add_argument("--standby", action="store_true", help="lose Postgres in every round")
    parser.add_argument("--surfaces", action="store_true", help="ask over HTTP in every round")
    parser.add_argument(
        "--worlds", help="worlds after the rounds: all, none, part of a name; else as many in turn"
    )
    parser.add_argument("--after", type=Path, nargs="*", default=[], help="reports to add to")
    parser.add_argument("--keep", default="", help="a folder for everything that is left")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="runfold-torture-") as temporary:
        folder = Path(chosen.keep or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        earlier = [one for file in chosen.after for one in json.loads(file.read_text())["rounds"]]
        summary = _write(earlier, chosen)
        for one in campaign(chosen, folder):
            earlier.append(one)
            # Whatever ends a long campaign, what was seen until then is kept.
            summary = _write(earlier, chosen)
    report.show(summary)
    return 0 if summary["held"] else 1


def _write(played: list[dict[str, Any]], chosen: argparse.Namespace) -> dict[str, Any]:
    target = Path("build")
    target.mkdir(exist_ok=True)
    known = target / "mutants.json"
    mutants = json.loads(known.read_text()) if known.exists() else {}
    # Where a machine keeps its files means nothing to anybody else.
    said = {name: str(value) for name, value in vars(chosen).items() if name not in _PLACES}
    summary = report.summary(played, said, mutants)
    (target / "torture.json").write_text(json.dumps(summary, indent=1) + "\n")
    (target / "torture.html").write_text(report.page(summary))
    return summary


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
