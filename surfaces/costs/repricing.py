"""``costs reprice``: the past as it would have cost, read from the journal, the record untouched.

In one transaction:

1. drop what was kept under the same name
2. read the answers since then, and keep each at its new price
3. refuse a table that lacks a model among them
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from sqlalchemy import Engine, delete, insert

from runfold.events import topics
from runfold.events.run import Event, Meta
from runfold.events.traits import Charge, charge_of
from runfold.processors.model.names import SCRIPTED, split
from runfold.producers.log.port import LogReader
from runfold.projections.tables import repriced_costs, repricings
from runfold.surfaces.costs.price_file import PriceFile

_CHUNK = 2000


@dataclass(frozen=True, slots=True)
class Answer:
    """One model answer at both prices; None is unpriced, which is not 0."""

    run_id: str
    seq: int
    tenant_id: str
    user_id: str
    agent: str
    feature: str | None
    model: str
    input_tokens: int
    output_tokens: int
    recorded_usd: Decimal | None
    repriced_usd: Decimal | None
    time: datetime


@dataclass(slots=True)
class Group:
    """Sums of a group of answers; amounts are those of answers priced both ways."""

    calls: int = 0
    unpriced_before: int = 0
    unpriced_after: int = 0
    compared: int = 0
    recorded_usd: Decimal = Decimal(0)
    repriced_usd: Decimal = Decimal(0)

    def take(self, answer: Answer) -> None:
        """Add an answer."""
        self.calls += 1
        self.unpriced_before += answer.recorded_usd is None
        self.unpriced_after += answer.repriced_usd is None
        if answer.recorded_usd is not None and answer.repriced_usd is not None:
            self.compared += 1
            self.recorded_usd += answer.recorded_usd
            self.repriced_usd += answer.repriced_usd

    @property
    def difference_usd(self) -> Decimal:
        """How much more the answers priced both ways would have cost."""
        return self.repriced_usd - self.recorded_usd


@dataclass(slots=True)
class Repricing:
    """The result: in all, by model, and up to which offsets of the journal."""

    name: str
    total: Group = field(default_factory=Group)
    by_model: dict[str, Group] = field(default_factory=dict)
    ends: dict[int, int] = field(default_factory=dict)


def reprice(
    engine: Engine, reader: LogReader, prices: PriceFile, name: str, since: datetime | None
) -> Repricing:
    """Keep every answer since then at other prices under a name, and return the sums.

    Raises PriceFileError where the prices lack a model that answered in that time; scripted
    models need none. Nothing is kept then.
    """
    done = Repricing(name)
    models: Counter[str] = Counter()
    with engine.begin() as connection:
        for table in (repriced_costs, repricings):
            connection.execute(delete(table).where(table.c.repricing == name))
        answers = _answers(reader, prices, since, done.ends)
        while chunk := list(islice(answers, _CHUNK)):
            for answer in chunk:
                models[answer.model] += 1
                done.total.take(answer)
                done.by_model.setdefault(answer.model, Group()).take(answer)
            rows = [{"repricing": name, **asdict(answer)} for answer in chunk]
            connection.execute(insert(repriced_costs), rows)
        # A script is no model: that it has no price is no mistake.
        prices.refuse_missing({m: n for m, n in models.items() if split(m)[0] != SCRIPTED})
        connection.execute(insert(repricings), [_head(done, prices, since)])
    return done


def _answers(
    reader: LogReader, prices: PriceFile, since: datetime | None, ends: dict[int, int]
) -> Iterator[Answer]:
    # Records are appended after they are decided, so none of that time comes earlier.
    for found in reader.read(topics.EVENTS, since or "earliest"):
        ends[found.place.partition] = found.place.offset + 1
        event = found.record
        if not isinstance(event, Event) or (since is not None and event.meta.time < since):
            continue
        charge = charge_of(event.fact)
        if charge is not None and charge.model is not None:
            yield _answer(event.meta, charge, prices)


def _answer(meta: Meta, charge: Charge, prices: PriceFile) -> Answer:
    to = charge.attribution
    return Answer(
        run_id=meta.run_id,
        seq=meta.seq,
        tenant_id=meta.tenant_id,
        user_id=to.user_id,
        agent=to.agent,
        feature=to.feature,
        model=charge.name,
        input_tokens=charge.usage.input_tokens,
        output_tokens=charge.usage.output_tokens,
        recorded_usd=charge.cost,
        repriced_usd=prices.price(charge.name, charge.usage, meta.time),
        time=meta.time,
    )


def _head(done: Repricing, prices: PriceFile, since: datetime | None) -> dict[str, Any]:
    return {
        "repricing": done.name,
        "prices_json": prices.as_json(),
        "since": since,
        "journal_ends_json": {str(partition): end for partition, end in done.ends.items()},
        "made_at": datetime.now(UTC),
        **asdict(done.total),
    }
