"""Everyone who folds the journal into numbers says the same of it: five folds, one meaning.

The views, the metrics, the monitor, ``costs verify`` and the run's own counters each read facts on
their own; what a fact costs they all take from its traits.
"""

from __future__ import annotations

import base64
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runfold.events import run as j
from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.avro.samples import sample
from runfold.events.base import Fact, money
from runfold.events.catalogue import CHARGED
from runfold.events.run import Event
from runfold.events.traits import charge_of
from runfold.events.values import Usage
from runfold.infra.metrics.table import TABLE
from runfold.processors.monitor.core.observe import observe
from runfold.processors.monitor.core.runs import Runs
from runfold.processors.run.evolve import evolve
from runfold.processors.run.state import Live, RunState
from runfold.projections.observability.counting.tally import Tally
from runfold.projections.tables import costs, runs
from runfold.projections.view import Batch, Placed
from runfold.projections.views import VIEWS
from runfold.surfaces.costs.sums import JournalSums
from tests.replay.record import FOLDER
from tests.support.builders.day import day
from tests.support.builders.history import History
from tests.support.builders.stories import STORIES, history

RECORDED = sorted(FOLDER.rglob("*.json"))


class Spent(NamedTuple):
    """What some events came to."""

    cost: Decimal
    input_tokens: int
    output_tokens: int
    unpriced: int


def of_charges(events: Iterable[Event]) -> Spent:
    found = [charge for event in events if (charge := charge_of(event.fact))]
    return Spent(
        sum((charge.cost or Decimal(0) for charge in found), Decimal(0)),
        sum(charge.usage.input_tokens for charge in found),
        sum(charge.usage.output_tokens for charge in found),
        sum(charge.cost is None for charge in found),
    )


def folded(events: Sequence[Event]) -> dict[str, list[dict[str, Any]]]:
    """Rows of every view by table."""
    batch = Batch([Placed(e.meta, e.fact, 0, n, "") for n, e in enumerate(events)])
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for view in VIEWS.values():
        made = view.fold(batch)
        for table, added in made.appended.items():
            names = [column.name for column in table.columns]
            rows[table.name] += [dict(zip(names, row, strict=True)) for row in added]
        for table, changed in made.merged.items():
            rows[table.name] += changed
    return rows


def of_rows(rows: list[dict[str, Any]], unpriced: int) -> Spent:
    return Spent(
        sum((row.get("cost_usd") or Decimal(0) for row in rows), Decimal(0)),
        sum(row.get("input_tokens") or 0 for row in rows),
        sum(row.get("output_tokens") or 0 for row in rows),
        unpriced,
    )


def of_the_table_of_costs(events: Sequence[Event]) -> Spent:
    rows = folded(events)[costs.name]
    return of_rows(rows, sum(row["cost_usd"] is None for row in rows))


def of_the_table_of_runs(events: Sequence[Event]) -> Spent:
    rows = folded(events)[runs.name]
    return of_rows(rows, sum(row.get("unpriced_calls", 0) for row in rows))


def of_the_sums(events: Iterable[Event]) -> Spent:
    sums = JournalSums()
    for event in events:
        sums.take(event)
    total = sums.total
    return Spent(total.cost, total.input_tokens, total.output_tokens, total.unpriced)


def of_the_monitor(events: Iterable[Event]) -> Spent:
    live, found = Runs(timedelta(hours=1)), Counter[str]()
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    for event in events:
        run = live.take(event.meta)
        assert run is not None
        for seen in observe(run, event.fact, event.meta.time):
            amounts[seen.metric] += seen.amount
            found[seen.metric] += 1
        live.settle(run)
    tokens = int(amounts["input_tokens"]), int(amounts["output_tokens"])
    return Spent(amounts["cost_usd"], *tokens, found["unpriced_calls"])


def of_the_metrics(events: Sequence[Event]) -> Spent:
    before = _samples()
    Tally().committed(Placed(e.meta, e.fact, 0, n, "") for n, e in enumerate(events))
    grown = _samples() - before
    cost = sum(v for (name, _), v in grown.items() if name.endswith("cost_usd_total"))
    tokens = [
        sum(v for (name, labels), v in grown.items()
            if name == "runfold_model_tokens_total" and ("direction", way) in labels)
        for way in ("input", "output")
    ]  # fmt: skip
    unpriced = sum(v for (n, _), v in grown.items() if n == "runfold_model_unpriced_calls_total")
    return Spent(Decimal(cost), int(tokens[0]), int(tokens[1]), int(unpriced))


def _samples() -> Counter[tuple[str, frozenset[tuple[str, str]]]]:
    return Counter(
        {
            (s.name, frozenset(s.labels.items())): s.value
            for family in TABLE.registry.collect()
            for s in family.samples
        }
    )


def of_the_run_itself(events: Iterable[Event]) -> Spent:
    states: dict[str, RunState | None] = {}
    last: dict[str, Live] = {}
    for event in events:
        run_id = event.meta.run_id
        states[run_id] = state = evolve(states.get(run_id), event.fact, event.meta.time)
        if isinstance(state, Live):
            last[run_id] = state
    used = [run.counters for run in last.values()]
    return Spent(
        sum((u.cost for u in used), Decimal(0)),
        sum(u.input_tokens for u in used),
        sum(u.output_tokens for u in used),
        sum(u.unpriced_calls for u in used),
    )


FOLDS = (
    of_the_table_of_costs,
    of_the_table_of_runs,
    of_the_sums,
    of_the_monitor,
    of_the_metrics,
    of_the_run_itself,
)


def agree(events: Sequence[Event]) -> Spent:
    expected = of_charges(events)
    found = {fold.__name__: fold(events) for fold in FOLDS}
    counted = found["of_the_metrics"]
    # Metrics are floats, for trends.
    if abs(counted.cost - expected.cost) < Decimal("0.000001"):
        found["of_the_metrics"] = counted._replace(cost=expected.cost)
    assert found == dict.fromkeys(found, expected)
    return expected


def recorded(path: Path) -> list[Event]:
    codec = Codec(LockRegistry())
    values = [base64.b64decode(value) for value in json.loads(path.read_text())["values"]]
    decoded = [codec.decode(topics.EVENTS, value) for value in values]
    return [event for event in decoded if isinstance(event, Event)]


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_all_agree_on_a_recorded_history(path: Path) -> None:
    agree(recorded(path))


@pytest.mark.parametrize("name", STORIES)
def test_all_agree_on_a_story(name: str) -> None:
    agree(history(STORIES[name])[0])


def test_all_agree_on_a_day_of_costs() -> None:
    spent = agree([event for run in day() for event in run.events])
    assert spent.cost == Decimal("0.278000000003")
    assert spent.unpriced == 1


amounts = st.none() | st.integers(0, 10**9).map(lambda n: money(Decimal(n) / 10**6))
tokens = st.integers(0, 10**6)


@st.composite
def charged(draw: st.DrawFn) -> Fact:
    """Any fact that may say what was paid for, with any cost and any tokens."""
    fact: Any = sample(draw(st.sampled_from(sorted(CHARGED, key=lambda kind: kind.__name__))))
    used = Usage(input_tokens=draw(tokens), output_tokens=draw(tokens))
    more: dict[str, Any] = {"cost": draw(amounts), "attempt": draw(st.integers(1, 3))}
    if "usage" in type(fact).model_fields:
        more["usage"] = used
    if isinstance(fact, j.LateResultNoted):
        answer = fact.answer.model_copy(update={"usage": used}) if fact.answer else None
        more["answer"] = draw(st.sampled_from([answer, None]))
    made: Fact = fact.model_copy(update=more)
    return made


@given(st.lists(charged(), min_size=1, max_size=8))
def test_all_agree_on_any_facts_that_cost(facts: list[Fact]) -> None:
    run = History("any").created()
    for fact in facts:
        run.add(fact)
    agree(run.events)


def test_a_fold_that_leaves_one_fact_out_is_found_out() -> None:
    run = History("any").created().add(sample(j.ModelResponded))  # type: ignore[arg-type]
    assert of_the_sums(run.events) != of_the_sums(run.events[:-1])
    assert agree(run.events).unpriced == 0
