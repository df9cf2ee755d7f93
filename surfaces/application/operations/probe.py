"""A run of Runfold's own that shows whether runs complete, from the request to the views."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from runfold.events import run as facts
from runfold.events.base import Fact
from runfold.events.definitions import Definition, Definitions
from runfold.events.probe import PROBE_AGENT
from runfold.events.run import Event
from runfold.infra.database.connection import Session, transaction
from runfold.producers.client import RunClient
from runfold.producers.client.client import probing
from runfold.producers.errors import NotYetError
from runfold.surfaces.application.operations.probe_definitions import (
    Load,
    ProbeError,
    is_ours,
    wanted,
)

BOUND_S = 60.0
"""How long the whole may take; it takes a second, or less, where nothing else is going on."""

_REACHED = "SELECT last_seq FROM audit WHERE run_id = %s"
_LOOK_AGAIN_S = 0.02
_LANE = "the run processor, which takes requests and decides"


class Publish(Protocol):
    """Publishes definitions for the probe's tenant."""

    def __call__(self, definitions: list[Definition]) -> list[str]:
        """Publish, and return why something was refused; the same again changes nothing."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the probe goes through."""

    client: RunClient
    database_url: str
    definitions: Callable[[], Definitions]
    load: Load
    publish: Publish


def probe(
    parts: Parts, within_s: float = BOUND_S, tell: Callable[[str], None] = lambda _: None
) -> float:
    """Make one run, wait until the views show its end, and return how many seconds that took.

    ``tell`` hears of each part that is waited for. Raises ProbeError after ``within_s``, or where
    the run ends otherwise than it should.
    """
    began = time.monotonic()
    client = probing(parts.client)
    version = _published(parts)
    agent = f"{PROBE_AGENT}@{version}"
    run_id = client.request("Show that a run completes.", agent, source="probe")
    last = _followed(client, run_id, within_s, tell)
    left = max(1.0, within_s - (time.monotonic() - began))
    tell("waiting for the completion")
    try:
        client.completion(run_id, left)
    except NotYetError as error:
        raise _late("the topic of completions, which the run processor writes", run_id) from error
    tell("waiting for the projector")
    if not _is_in_views(parts.database_url, run_id, last.meta.seq, left):
        raise _late("the projector, which writes the views", run_id)
    return time.monotonic() - began


def _published(parts: Parts) -> str:
    """Return the version of the probe's definitions, once they are published as they are here."""
    known = parts.definitions()
    version, declared = wanted(parts.load, known)
    if all(is_ours(known, each) for each in declared):
        return version
    if refused := parts.publish(declared):
        raise ProbeError(f"The probe could not be published: {'; '.join(refused)}")
    return version


def _is_in_views(database_url: str, run_id: str, seq: int, within_s: float) -> bool:
    """Return whether the views come to have an event of a run in time; all move at once."""
    until = time.monotonic() + within_s
    with Session.to(database_url) as session:
        while True:
            with transaction(session):
                row = session.execute(_REACHED, (run_id,)).fetchone()
            if row is not None and row[0] >= seq:
                return True
            if time.monotonic() > until:
                return False
            time.sleep(_LOOK_AGAIN_S)


def _followed(
    client: RunClient, run_id: str, within_s: float, tell: Callable[[str], None]
) -> Event:
    """Return the run's last event once it has ended well."""
    waits = _LANE
    last: Event | None = None
    told = {waits}
    tell(f"waiting for {waits}")
    for last in client.events(run_id, follow=True, timeout=within_s):
        waits = _waits_for(last.fact)
        if waits not in told and last.fact.traits.ends is None:
            told.add(waits)
            tell(f"waiting for {waits}")
    if last is None or last.fact.traits.ends is None:
        raise _late(waits, run_id)
    if not isinstance(last.fact, facts.RunCompleted):
        raise ProbeError(
            f"The probe ended as {type(last.fact).__name__}: `runfold logs {run_id}` says why."
        )
    return last


def _waits_for(fact: Fact) -> str:
    in_pool = isinstance(fact, facts.ToolCallStarted)
    return "the tool pool, which takes the topic tool.calls" if in_pool else _LANE


def _late(waits: str, run_id: str) -> ProbeError:
    return ProbeError(
        f"No run completes here yet: the probe {run_id} waits for {waits}. See `runfold status` "
        "and that process's log; `runfold doctor --probe` tries again."
    )
