"""``make torture SECONDS=300 SEED=7``: rounds of load and faults, judged; 0 if all invariants held.

Writes build/torture.json and build/torture.html. The seed decides every fault and every run's
shape; ``TORTURE="--round 7/2"`` plays that round of seed 7 alone again. The counts of mutants are
those of the last ``make mutants``.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from pathlib import Path
from random import Random

from tests.support.stack import fresh_database
from tests.torture import report
from tests.torture.game import Game, Rules
from tests.torture.plan import OWNERSHIPS, Settings, plan
from tests.torture.servers import Servers, servers
from tests.torture.verdict import Verdict, judge

ROUND_S = 100.0
_PARKING = 0.5
"""The share of rounds in which runs that wait for a person are parked after a moment."""


def rounds(seed: str, seconds: float) -> list[tuple[str, float, str]]:
    """The rounds that make up so many seconds: seed, seconds and ownership of each."""
    count = max(1, math.ceil(seconds / ROUND_S))
    return [
        (f"{seed}/{number}", seconds / count, OWNERSHIPS[number % len(OWNERSHIPS)])
        for number in range(count)
    ]


def play(found: Servers, folder: Path, rules: Rules, settings: Settings) -> Verdict:
    """Play and judge one round; what it left stays in the folder."""
    with fresh_database(found.settings.database_url) as url:
        left = Game(found, url, folder, rules).play(plan(settings))
        return judge(left, ownership=rules.ownership)


def campaign(chosen: argparse.Namespace, folder: Path) -> list[dict[str, object]]:
    """Play all rounds on one set of servers."""
    played = []
    todo = rounds(str(chosen.seed), chosen.seconds)
    if chosen.round:
        todo = [one for one in rounds(str(chosen.seed), 1e6) if one[0] == chosen.round]
        todo = [(seed, chosen.seconds, ownership) for seed, _, ownership in todo]
    with servers(folder / "servers", chosen.brokers) as found:
        for number, (seed, seconds, ownership) in enumerate(todo):
            print(f"round {seed}: {seconds:.0f} s, {ownership} ownership", flush=True)
            engine = {"park_after": 1.5} if Random(seed).random() < _PARKING else {}
            rules = Rules(
                seed,
                seconds,
                ownership,
                runs_per_s=chosen.rate,
                most_open=chosen.open,
                again=chosen.again,
                engine=engine,
            )
            kinds = tuple(chosen.kinds.split(",")) if chosen.kinds else ()
            settings = Settings(
                seed,
                seconds,
                ownership,
                chosen.brokers,
                chosen.every,
                chosen.servers_every,
                kinds,
            )
            verdict = play(found, folder / f"round{number}", rules, settings)
            print(report.line(verdict), flush=True)
            if verdict.violations:
                print("  replay:", _replay(chosen, seed, seconds), flush=True)
            known = {"seed": seed, "seconds": seconds, "ownership": ownership}
            played.append(known | verdict.as_dict())
    return played


def _replay(chosen: argparse.Namespace, seed: str, seconds: float) -> str:
    more = (
        f"--round {seed} --rate {chosen.rate} --every {chosen.every}"
        f" --servers-every {chosen.servers_every} --brokers {chosen.brokers}"
        f" --again {chosen.again}"
    )
    return f'make torture SEED={chosen.seed} SECONDS={seconds:.0f} TORTURE="{more}"'


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
    parser.add_argument("--brokers", type=int, default=1, choices=(1, 3))
    parser.add_argument("--keep", default="", help="a folder for everything that is left")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="runfold-torture-") as temporary:
        folder = Path(chosen.keep or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        played = campaign(chosen, folder)
    target = Path("build")
    target.mkdir(exist_ok=True)
    known = target / "mutants.json"
    mutants = json.loads(known.read_text()) if known.exists() else {}
    summary = report.summary(played, vars(chosen), mutants)
    (target / "torture.json").write_text(json.dumps(summary, indent=2) + "\n")
    (target / "torture.html").write_text(report.page(summary))
    report.show(summary)
    return 0 if summary["held"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
