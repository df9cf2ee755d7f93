"""A run together with the runs that it asked for, as their journals have them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import merge

from runfold.events.run import ChildRunRequested, Event, RunCreated
from runfold.producers.client import RunClient
from runfold.surfaces.application.errors import NotFoundError
from runfold.surfaces.application.runs.follow import journal_of
from runfold.surfaces.application.scope import Scope

MOST_RUNS = 1_000
"""How many runs of a tree are read."""


@dataclass(frozen=True, slots=True)
class Placed:
    """An event with its run's place in the tree: how many runs stand above it, and its agent."""

    event: Event
    depth: int
    agent: str


def tree_of(
    client: RunClient, scope: Scope, run_id: str, read: Callable[[str], None] = lambda _: None
) -> Iterator[Placed]:
    """Yield what is committed of a run and of those below it, in the order of time.

    ``read`` is told the id of each run before it is looked at. A run that was asked for and has not
    begun is left out. Raises NotFoundError where there is no such run.
    """
    found: list[list[Placed]] = []
    open_ = [(run_id, 0)]
    while open_ and len(found) < MOST_RUNS:
        name, depth = open_.pop(0)
        read(name)
        try:
            events = list(journal_of(client, scope, name))
        except NotFoundError:
            if depth == 0:
                raise
            continue
        agent = next((e.fact.agent.name for e in events if isinstance(e.fact, RunCreated)), "")
        found.append([Placed(each, depth, agent) for each in events])
        asked = (e.fact for e in events if isinstance(e.fact, ChildRunRequested))
        open_ += [(each.request.run_id, depth + 1) for each in asked]
    yield from merge(*found, key=lambda placed: placed.event.meta.time)
