"""What is done to the product, and when: drawn from a seed alone, so that a failure replays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from random import Random
from typing import TypeVar

from runfold.projections.views import VIEWS

T = TypeVar("T")

RUNS, TOOLS, PROJECTOR, LOAD, PEOPLE = "runs", "tools", "projector", "load", "people"
GATEWAY, DELIVERY, CALLERS = "gateway", "delivery", "callers"

POINTS: dict[str, tuple[str, ...]] = {
    RUNS: (
        "lane.before_fence",
        "lane.after_fence",
        "restore.before_journal",
        "restore.after_journal",
        "lane.before_begin",
        "lane.after_begin",
        "lane.after_produce",
        "lane.after_commit",
        "lane.after_adopt",
        "lane.after_handout",
        "lane.before_tidy",
        "lane.after_tidy",
    ),
    TOOLS: (
        "pool.after_consume",
        "tool.before_claim",
        "tool.after_claim",
        "tool.before_run",
        "tool.after_run",
        "tool.before_finish",
        "tool.after_finish",
        "pool.after_handle",
        "pool.before_produce",
        "pool.after_produce",
        "pool.before_commit",
        "pool.after_commit",
    ),
    PROJECTOR: (
        "projector.after_read",
        "projector.before_begin",
        "projector.after_positions",
        *(f"projector.after_{name}" for name in VIEWS),
        "projector.before_commit",
        "projector.after_commit",
    ),
}
"""Every numbered step of every process."""

_OF_DELIVERY = ("delivery.before_adding", "delivery.after_adding", "delivery.after_answer")
_RARE = ("lane.before_fence", "lane.after_fence", "restore.")

CLASSIC, CONSUMER, FIXED = "classic", "consumer", "fixed"
OWNERSHIPS = (FIXED, CONSUMER, CLASSIC)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to do, ``at`` seconds after the beginning.

    ``target`` is a kind of process or a server, ``detail`` a failpoint or an answer, ``seconds``
    how long it lasts where it lasts.
    """

    at: float
    kind: str
    target: str = ""
    detail: str = ""
    seconds: float = 0.0

    def as_dict(self) -> dict[str, object]:
        """For the report."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a plan is drawn for: how lanes are owned, how dense the faults are, which kinds.

    ``every`` and ``servers_every`` are the mean seconds between faults of processes, and between
    those of servers, network and clock, each of which holds everything up for a while. With a
    ``standby`` the first database dies once, for good. With ``surfaces`` gateways and the process
    that delivers are killed and frozen too.
    """

    seed: str
    seconds: float
    ownership: str = FIXED
    brokers: int = 1
    every: float = 2.0
    servers_every: float = 8.0
    kinds: tuple[str, ...] = ()
    standby: bool = False
    surfaces: bool = False


_LONG_S, _CALM_S, _TIMED_S = 90.0, 27.0, (16.0, 9.0, 2.0)

_OF_PROCESSES = {"kill": 30, "failpoint": 30, "term": 5, "freeze": 3, "zombie": 3, "member": 6}
_OF_SURFACES = {"kill": 8, "failpoint": 3, "freeze": 4, "term": 2}
_OF_SERVERS = {"broker": 3, "postgres": 4, "proxy": 10, "clock": 3, "disk": 3}


def plan(settings: Settings) -> list[Fault]:
    """Draw the faults of one round; the last of its time is left to those that last.

    A long round ends with kills while all else is well: by them it is told how soon runs go on.
    """
    found = [
        *_stream(_OF_PROCESSES, settings.every, settings),
        *_stream(_OF_SERVERS, settings.servers_every, settings),
        *_promotion(settings),
        *_of_surfaces(settings),
        *_timed(settings),
    ]
    return sorted(found, key=lambda fault: fault.at)


def _stream(weights: dict[str, int], every: float, settings: Settings) -> Iterator[Fault]:
    kinds = [kind for kind in weights if not settings.kinds or kind in settings.kinds]
    if settings.ownership == FIXED:
        kinds = [kind for kind in kinds if kind != "member"]
    if settings.brokers > 1:
        kinds = [kind for kind in kinds if kind != "proxy"]
    choice = Random("/".join((settings.seed, *weights)))
    at = 1.0 + choice.expovariate(1 / every)
    until = settings.seconds - _CALM_S if _is_long(settings) else settings.seconds * 0.9
    while kinds and at <= until:
        kind = choice.choices(kinds, [weights[kind] for kind in kinds])[0]
        yield from _drawn(kind, at, choice, settings)
        at += choice.expovariate(1 / every)


def _is_long(settings: Settings) -> bool:
    return settings.seconds >= _LONG_S and not settings.kinds


def _timed(settings: Settings) -> Iterator[Fault]:
    if _is_long(settings):
        yield from (Fault(settings.seconds - before, "kill", RUNS) for before in _TIMED_S)


def _promotion(settings: Settings) -> Iterator[Fault]:
    choice = Random(f"{settings.seed}/promotion")
    if settings.standby and (not settings.kinds or "promote" in settings.kinds):
        at, noticed = settings.seconds * choice.uniform(0.3, 0.7), choice.uniform(0.2, 5)
        yield Fault(at, "promote", "postgres", seconds=noticed)


def _of_surfaces(settings: Settings) -> Iterator[Fault]:
    """Faults of what people reach: the other faults are those of the round without."""
    if not settings.surfaces:
        return
    choice = Random(f"{settings.seed}/surfaces")
    at = 1.0 + choice.expovariate(1 / settings.every)
    while at <= settings.seconds * 0.9:
        kind = _one(choice, _OF_SURFACES)
        target = _one(choice, {GATEWAY: 2, DELIVERY: 1})
        if settings.kinds and kind not in settings.kinds:
            pass
        elif kind == "failpoint":
            target, detail = DELIVERY, f"{choice.choice(_OF_DELIVERY)}:{choice.randint(1, 10)}"
            yield Fault(at, kind, target, detail)
        else:
            # Longer than a request is somebody's: another gateway goes on with it meanwhile.
            seconds = choice.uniform(2, 8) if kind == "freeze" else 0.0
            yield Fault(at, kind, target, seconds=seconds)
        at += choice.expovariate(1 / (2 * settings.every))


def _drawn(kind: str, at: float, choice: Random, settings: Settings) -> Iterator[Fault]:
    match kind:
        case "kill":
            target = _one(choice, {RUNS: 8, TOOLS: 6, PROJECTOR: 4, LOAD: 1, PEOPLE: 1})
            yield Fault(at, "kill", target)
        case "failpoint":
            target = _one(choice, {RUNS: 5, TOOLS: 4, PROJECTOR: 2})
            yield Fault(at, "failpoint", target, point(target, choice))
        case "term":
            yield Fault(at, "term", choice.choice((RUNS, TOOLS, PROJECTOR)))
        case "freeze":
            target = choice.choice((RUNS, TOOLS, PROJECTOR))
            yield Fault(at, "freeze", target, seconds=choice.uniform(2, 10))
        case "zombie":
            # Lanes that are shared out are taken over without our doing: freezing is enough.
            target = choice.choice((RUNS, PROJECTOR))
            if settings.ownership != FIXED:
                target = PROJECTOR
            yield Fault(at, "zombie", target, seconds=choice.uniform(2, 8))
        case "broker" | "postgres" | "disk":
            yield _of_a_server(kind, at, choice, settings)
        case "proxy":
            yield from _harm(at, choice)
        case "member":
            how = choice.choice(("TERM", "KILL"))
            target = _one(choice, {RUNS: 3, TOOLS: 1})
            yield Fault(at, "member", target, how, choice.uniform(2, 8))
        case _:
            # A deadline set while the clock was ahead comes that much later when it is back.
            seconds = choice.choice((-90.0, -5.0, 5.0, 20.0, 40.0))
            yield Fault(at, "clock", RUNS, seconds=seconds)


def _of_a_server(kind: str, at: float, choice: Random, settings: Settings) -> Fault:
    match kind:
        case "broker":
            how = _one(choice, {"KILL": 3, "TERM": 1, "STOP": 2})
            seconds = _one(choice, {4.0: 6, 12.0: 2, 30.0: 1}) if how == "STOP" else 0.0
            return Fault(at, "broker", str(choice.randrange(settings.brokers)), how, seconds)
        case "postgres":
            how = _one(choice, {"backend": 4, "postmaster": 2, "connections": 2})
            return Fault(at, "postgres", "postgres", how, 3.0 if how == "connections" else 0.0)
        case _:
            target = _one(choice, {"postgres": 2, "kafka": 1})
            detail = str(choice.randrange(settings.brokers))
            if target == "postgres":
                detail = choice.choice(("tables", "log"))
            return Fault(at, "disk", target, detail, choice.uniform(3, 10))


def _harm(at: float, choice: Random) -> Iterator[Fault]:
    match choice.randrange(5):
        case 4:
            # A commit that arrives after the death of whoever sent it.
            yield Fault(at, "proxy", "broker", "late EndTxn", seconds := choice.uniform(1, 4))
            yield Fault(at + seconds * choice.random(), "kill", RUNS)
        case 0:
            # Longer than the lane waits for a commit, and longer than the transaction may last.
            seconds = _one(choice, {1.0: 3, 4.0: 3, 35.0: 1})
            yield Fault(at, "proxy", "broker", "hold EndTxn", seconds)
        case 1:
            yield Fault(at, "proxy", "broker", "hold Produce", choice.choice((1.0, 4.0, 12.0)))
        case 2:
            yield Fault(at, "proxy", "broker", "delay", choice.uniform(1, 5))
        case _:
            yield Fault(at, "proxy", "broker", choice.choice(("cut", "cut EndTxn", "cut Produce")))


def point(target: str, choice: Random) -> str:
    """A failpoint with the count of the hit that kills; those met once a start are hit early."""
    name = choice.choice(POINTS[target])
    most = 4 if name.startswith(_RARE) else 25
    return f"{name}:{choice.randint(1, most)}"


def _one(choice: Random, weights: dict[T, int]) -> T:
    return choice.choices(list(weights), list(weights.values()))[0]


def kinds_of(faults: Sequence[Fault]) -> dict[str, int]:
    """How many faults of each kind and detail there are."""
    counts: dict[str, int] = {}
    for fault in faults:
        name = f"{fault.kind} {fault.target}" if fault.kind != "proxy" else f"proxy {fault.detail}"
        if fault.kind in {"broker", "postgres"}:
            name = f"{fault.kind} {fault.detail}"
        counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items()))
