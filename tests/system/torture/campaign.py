"""The rounds of a campaign: what each is played with, on which servers, and what came of it."""

from __future__ import annotations

import argparse
import hashlib
import math
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from random import Random

from tests.support.stack import fresh_database
from tests.system.torture.faults.plan import FIXED, OWNERSHIPS, Settings, plan
from tests.system.torture.faults.trouble import Trouble
from tests.system.torture.game import Game
from tests.system.torture.judgement import report
from tests.system.torture.judgement.verdict import Verdict, judge
from tests.system.torture.round import ROOT, Rules
from tests.system.torture.servers.servers import Servers, servers
from tests.system.torture.worlds import WORLDS

ROUND_S = 100.0
_PRODUCT = ("events", "infra", "producers", "processors", "projections")
_PARKING = 0.5
"""The share of rounds in which runs that wait for a person are parked after a moment."""

_SURFACES = {0}
"""Of every two rounds, those in which runs are asked for through the surfaces as well."""

_CALLS_PER_S = 4.0
_STANDBY, _BROKERS = {3}, {6}
"""Of every eight rounds, those with a database that is lost, and those with three brokers."""


def rounds(seed: str, seconds: float, *, mixed: bool = True) -> list[Settings]:
    """The rounds that make up so many seconds; ``mixed`` ones take turns with servers too."""
    count = math.ceil(seconds / ROUND_S)
    return [
        Settings(
            f"{seed}/{number}",
            seconds / count,
            OWNERSHIPS[number % len(OWNERSHIPS)],
            brokers=3 if mixed and number % 8 in _BROKERS else 1,
            standby=mixed and number % 8 in _STANDBY,
            surfaces=mixed and number % 2 in _SURFACES,
        )
        for number in range(count)
    ]


def chosen_rounds(chosen: argparse.Namespace) -> Iterable[Settings]:
    """The rounds that a command line asks for."""
    mixed = not chosen.brokers and not chosen.standby
    todo = rounds(str(chosen.seed), chosen.seconds, mixed=mixed)
    if chosen.round:
        number = int(chosen.round.rpartition("/")[2])
        last = rounds(str(chosen.seed), ROUND_S * (number + 1), mixed=mixed)[number]
        todo = [replace(last, seed=chosen.round, seconds=chosen.seconds)]
    for one in todo:
        yield replace(
            one,
            brokers=chosen.brokers or one.brokers,
            standby=chosen.standby or one.standby,
            surfaces=chosen.surfaces or one.surfaces,
            every=chosen.every,
            servers_every=chosen.servers_every,
            kinds=tuple(chosen.kinds.split(",")) if chosen.kinds else (),
        )


def play(found: Servers, folder: Path, rules: Rules, settings: Settings) -> Verdict:
    """Play and judge one round; what it left stays in the folder."""
    with fresh_database(found.settings.database_url) as url:
        left = Game(found, url, folder, rules).play(plan(settings))
        return judge(left, ownership=rules.ownership)


def campaign(chosen: argparse.Namespace, folder: Path) -> Iterator[dict[str, object]]:
    """Play all rounds; those that follow each other share servers where they can."""
    for number, (_, group) in enumerate(groupby(chosen_rounds(chosen), _servers_for)):
        alike = list(group)
        place = folder / f"servers{number}"
        with servers(place, alike[0].brokers, standby=alike[0].standby) as found:
            for settings in alike:
                yield _round(found, folder, settings, chosen)
        if not chosen.keep:
            shutil.rmtree(place, ignore_errors=True)
    if todo := chosen_worlds(chosen):
        with servers(folder / "servers-of-worlds") as found:
            for number, world in enumerate(todo):
                yield _world(found, folder / f"world{number}", world)


def chosen_worlds(chosen: argparse.Namespace) -> list[Trouble]:
    """The worlds that a command line asks for; in turn, others from one seed to the next."""
    if chosen.worlds is None:
        count = 0 if chosen.round or chosen.kinds else math.ceil(chosen.seconds / ROUND_S)
        first = Random(str(chosen.seed)).randrange(len(WORLDS))
        return [WORLDS[(first + number) % len(WORLDS)] for number in range(count)]
    if chosen.worlds == "none":
        return []
    found = [one for one in WORLDS if chosen.worlds == "all" or chosen.worlds in one.name]
    seed = "" if str(chosen.seed) == "1" else str(chosen.seed)
    return [replace(one, seed=seed) for one in found]


def provoke(found: Servers, folder: Path, trouble: Trouble, tree: Path = ROOT) -> Verdict:
    """Make trouble for the code of a tree, and judge what it left."""
    rules = trouble.rules(tree)
    with fresh_database(found.settings.database_url) as url:
        left = Game(found, url, folder, rules).play(trouble.faults)
        return judge(left, ownership=rules.ownership)


def _world(found: Servers, folder: Path, world: Trouble) -> dict[str, object]:
    print(f"world: {world.name}: {world.seconds:.0f} s", flush=True)
    verdict = provoke(found, folder, world)
    print(report.line(verdict), flush=True)
    if verdict.violations:
        asked = f"SECONDS=0 SEED={world.seed or 1} TORTURE=\"--worlds '{world.name}'\""
        print(f"  replay: make torture {asked}", flush=True)
    return _known(found, world.rules().seed, world.seconds, FIXED, report.WORLD) | verdict.as_dict()


def _known(
    found: Servers, seed: str, seconds: float, ownership: str, mode: str
) -> dict[str, object]:
    return {
        "seed": seed,
        "seconds": seconds,
        "ownership": ownership,
        "mode": mode,
        "servers": found.versions(),
        "code": code(),
    }


def _servers_for(settings: Settings) -> tuple[int, str]:
    """What two rounds must have in common to share servers: a standby serves one round."""
    return settings.brokers, settings.seed if settings.standby else ""


def _round(
    found: Servers, folder: Path, settings: Settings, chosen: argparse.Namespace
) -> dict[str, object]:
    seed, ownership = settings.seed, settings.ownership
    print(f"round {seed}: {settings.seconds:.0f} s, {mode(settings)}", flush=True)
    engine = {"park_after": 1.5} if Random(seed).random() < _PARKING else {}
    rules = Rules(
        seed,
        settings.seconds,
        ownership,
        runs_per_s=chosen.rate,
        most_open=chosen.open,
        again=chosen.again,
        engine=engine,
        calls_per_s=_CALLS_PER_S if settings.surfaces else 0.0,
    )
    verdict = play(found, folder / f"round{seed.replace('/', '-')}", rules, settings)
    print(report.line(verdict), flush=True)
    if verdict.violations:
        print("  replay:", _replay(chosen, settings), flush=True)
    known = _known(found, seed, settings.seconds, ownership, mode(settings))
    return known | verdict.as_dict()


def code() -> str:
    """Twelve digits that name the product's code as it was played with."""
    found = hashlib.sha256()
    for package in _PRODUCT:
        for file in sorted((ROOT / package).rglob("*.py")):
            found.update(file.read_bytes())
    return found.hexdigest()[:12]


def mode(settings: Settings) -> str:
    """How lanes are owned, and what servers there are."""
    standby = ", Postgres with a standby" if settings.standby else ""
    brokers = f", {settings.brokers} brokers" if settings.brokers > 1 else ""
    surfaces = ", surfaces" if settings.surfaces else ""
    return f"{settings.ownership} ownership{brokers}{standby}{surfaces}"


def _replay(chosen: argparse.Namespace, settings: Settings) -> str:
    more = (
        f"--round {settings.seed} --rate {chosen.rate} --every {settings.every}"
        f" --servers-every {settings.servers_every} --brokers {settings.brokers}"
        f" --again {chosen.again} --open {chosen.open}"
    )
    more += " --standby" if settings.standby else ""
    more += " --surfaces" if settings.surfaces else ""
    more += f" --kinds {chosen.kinds}" if chosen.kinds else ""
    return f'make torture SEED={chosen.seed} SECONDS={settings.seconds:.0f} TORTURE="{more}"'
