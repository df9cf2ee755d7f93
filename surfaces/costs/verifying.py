"""``costs verify``: every view's sums against the journal's own, to the last digit.

1. how far the views are, and their sums, in one look at the database
2. the journal itself, from its first record up to there
3. what differs, view by view
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, Select, func, select

from runfold.events import topics
from runfold.events.calls.kinds import MODEL, TOOL
from runfold.events.run import Event
from runfold.producers.log.port import LogReader
from runfold.producers.log.topics.beginnings import need_starts
from runfold.projections.errors import NotCaughtUp
from runfold.projections.queries import Dimension
from runfold.projections.tables import (
    costs,
    model_calls,
    projection_positions,
    runs,
    tool_calls,
)
from runfold.surfaces.costs.sums import DIMENSIONS, JournalSums, Sums

_VIEWS = ("costs", "runs", "model_calls", "tool_invocations")
_NOTHING = Sums()


@dataclass(frozen=True, slots=True)
class Difference:
    """A sum of a view that is not the journal's: of which view, for what, and both."""

    view: str
    of: str
    journal: str
    shown: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What was compared, up to ``offsets`` of the journal by partition, and what differs."""

    total: Sums
    runs: int
    probes: int
    sums: int
    offsets: Mapping[int, int]
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the views say, all at one place of the journal."""

    offsets: dict[int, int]
    by: dict[Dimension, dict[str | None, Sums]]
    runs: dict[str, Decimal]
    models: dict[str, Decimal]
    tools: dict[str, Decimal]


def verify(engine: Engine, reader: LogReader) -> Proof:
    """Compare every view that holds money with the journal; raises NotCaughtUp where none can be,
    and LostStartError where the journal is not whole.

    The views are compared at the position that they have reached; later events do not count.
    """
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        shown = _shown(connection)
    need_starts(
        {(topics.EVENTS, number): at for number, at in reader.begins(topics.EVENTS).items()}
    )
    said = JournalSums()
    for found in reader.read(topics.EVENTS):
        until = shown.offsets.get(found.place.partition, 0)
        if found.place.offset < until and isinstance(found.record, Event):
            said.take(found.record)
    differences = tuple(_differences(said, shown))
    sums = sum(len(groups) for groups in said.by.values())
    runs_with_costs, probes = len(said.by["run_id"]), len(said.probes)
    return Proof(said.total, runs_with_costs, probes, sums, shown.offsets, differences)


def _shown(connection: Connection) -> _Shown:
    models, tools = model_calls.c, tool_calls.c
    return _Shown(
        offsets=_offsets(connection),
        by={name: _sums_by(connection, name) for name in DIMENSIONS},
        runs=_by_run(connection, select(runs.c.run_id, runs.c.cost_usd)),
        models=_by_run(connection, _cost_of(models.run_id, models.cost_usd)),
        tools=_by_run(connection, _cost_of(tools.run_id, tools.cost_usd)),
    )


def _cost_of(run_id: Any, cost: Any) -> Select[Any]:
    return select(run_id, func.sum(cost)).where(cost.is_not(None)).group_by(run_id)


def _by_run(connection: Connection, query: Select[Any]) -> dict[str, Decimal]:
    return {run_id: cost for run_id, cost in connection.execute(query) if cost}


def _offsets(connection: Connection) -> dict[int, int]:
    at = projection_positions.c
    query = select(at.topic_partition, func.min(at.next_offset), func.max(at.next_offset))
    query = query.where(at.topic == topics.EVENTS, at.view.in_(_VIEWS))
    found = connection.execute(query.group_by(at.topic_partition)).all()
    if not found:
        raise NotCaughtUp("The views have not begun: start the projector (`runfold up` does).")
    if any(least != most for _, least, most in found):
        raise NotCaughtUp(
            "The views stand at different places of the journal, so they cannot be compared: "
            "let the rebuild that is under way come to its end and try again."
        )
    return {partition: offset for partition, offset, _ in found}


def _sums_by(connection: Connection, name: Dimension) -> dict[str | None, Sums]:
    column: Any = costs.c[name]
    query = select(
        column,
        func.count(),
        func.count().filter(costs.c.cost_usd.is_(None)),
        func.sum(costs.c.input_tokens),
        func.sum(costs.c.output_tokens),
        func.coalesce(func.sum(costs.c.cost_usd), 0),
    ).group_by(column)
    return {
        row[0]: Sums(row[1], row[2], int(row[3]), int(row[4]), Decimal(row[5]))
        for row in connection.execute(query)
    }


def _differences(said: JournalSums, shown: _Shown) -> Iterator[Difference]:
    for name in DIMENSIONS:
        for value in said.by[name].keys() | shown.by[name].keys():
            journal = said.by[name].get(value, _NOTHING)
            view = shown.by[name].get(value, _NOTHING)
            if journal != view:
                yield Difference("costs", f"{name} {value or '-'}", str(journal), str(view))
    by_run = {run: sums.cost for run, sums in said.by["run_id"].items() if run is not None}
    yield from _amounts("runs", by_run, shown.runs)
    # An end without an answer before it, a refusal, says 0.
    ended = {run: by_run.get(run, Decimal(0)) for run in said.ends}
    yield from _amounts("exit records", ended, said.ends)
    called = _together(*(said.of_calls.get(kind.name, {}) for kind in (MODEL, TOOL)))
    both = _together(shown.models, shown.tools)
    yield from _amounts("model_calls and tool_calls", called, both)


def _amounts(
    view: str, journal: Mapping[str, Decimal], shown: Mapping[str, Decimal]
) -> Iterator[Difference]:
    for run in journal.keys() | shown.keys():
        left, right = journal.get(run, Decimal(0)), shown.get(run, Decimal(0))
        if left != right:
            yield Difference(view, f"run_id {run}", f"${left:f}", f"${right:f}")


def _together(left: Mapping[str, Decimal], right: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return {
        run: left.get(run, Decimal(0)) + right.get(run, Decimal(0))
        for run in left.keys() | right.keys()
    }
