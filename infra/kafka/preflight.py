"""Whether a Kafka cluster can be used, asked before anything relies on it: a sentence for each no.

``need`` is called by ``runfold up``, by ``runfold.stack.prepare`` and by every process at its
start; ``runfold doctor`` asks ``problems``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping

from runfold.infra.kafka import limits, permits, restoring
from runfold.infra.kafka.door import principal
from runfold.infra.kafka.entering import Entered, enter
from runfold.infra.kafka.errors import KafkaAwayError, KafkaUnfitError, UnreachableError
from runfold.infra.kafka.rights import PROGRAMS, Program

WAIT_S = 30.0
"""How long a process waits at its start for brokers that are away."""

_UNREACHABLE_S = 10.0
_PAUSE_S = 0.5
_SHOWN = 3


def need(
    kafka: Mapping[str, object],
    programs: Iterable[str] = (),
    wait_s: float = 0.0,
    tell: Callable[[str], None] = lambda _: None,
) -> None:
    """Return once the cluster can be used by these programs, named as in ``rights``.

    One that is away is waited for, and ``tell`` hears of it. Raises KafkaAwayError after
    ``wait_s``, and KafkaUnfitError for what no waiting changes.
    """
    began, said, wanted = time.monotonic(), "", tuple(programs)
    while True:
        try:
            _need_now(kafka, wanted, tell)
        except (KafkaAwayError, UnreachableError) as away:
            patience = wait_s
            if isinstance(away, UnreachableError):
                # A broker that has only just died is named for a moment, too.
                patience = min(wait_s, _UNREACHABLE_S)
            if time.monotonic() - began >= patience:
                raise
            if str(away) != said:
                said = str(away)
                tell(f"waiting for Kafka: {said}")
            time.sleep(_PAUSE_S)
        else:
            return


def problems(
    entered: Entered, kafka: Mapping[str, object], programs: Iterable[str]
) -> Iterator[str]:
    """Say what keeps these programs from their work on a cluster that answers, each thing once."""
    told = set[str]()
    if said := restoring.unfinished(entered.admin):
        yield said
    for name in programs:
        for said in _of_program(entered, kafka, PROGRAMS.get(name)):
            if said not in told:
                told.add(said)
                yield said


def _of_program(
    entered: Entered, kafka: Mapping[str, object], program: Program | None
) -> Iterator[str]:
    bounds = [
        said for settings in entered.settings.values() for said in limits.broken(settings, program)
    ]
    yield from bounds
    if program is None:
        return
    who = principal(kafka)
    for right in permits.lacking(entered.admin, program.rights):
        yield permits.sentence(right.of(entered.admin.naming), who, program.called)
    if not bounds and (said := limits.transactions(kafka, program, who)):
        yield said


def _need_now(
    kafka: Mapping[str, object], programs: tuple[str, ...], tell: Callable[[str], None]
) -> None:
    entered = enter(kafka)
    for said in entered.unreached:
        tell(said)
    found = list(problems(entered, kafka, programs))
    if found:
        more = len(found) - _SHOWN
        rest = f" There are {more} more: `runfold doctor` says all." if more > 0 else ""
        raise KafkaUnfitError(" ".join(found[:_SHOWN]) + rest)
