"""Costs: what was spent by anything it belongs to, and against which budgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Engine

from runfold.producers.log.port import LogReader
from runfold.projections import queries
from runfold.projections.queries import By, Views
from runfold.surfaces.application import shapes
from runfold.surfaces.application.errors import InvalidError
from runfold.surfaces.application.rendering import known_usd
from runfold.surfaces.costs import repricing, verifying
from runfold.surfaces.costs.price_file import PriceFile
from runfold.surfaces.costs.repricing import Group
from runfold.surfaces.costs.sums import Sums

DIMENSIONS: dict[str, By] = {
    "tenant": "tenant_id",
    "user": "user_id",
    "run": "run_id",
    "agent": "agent",
    "version": "agent_version",
    "feature": "feature",
    "model": "model",
    "provider": "provider",
    "skill": "skill",
    "tool": "tool",
    "prompt": "prompt_version",
    "variant": "variant",
    "kind": "kind",
    "day": "day",
    "month": "month",
}
"""What costs can be summed by, with the columns that hold it."""


def dimensions_of(names: Sequence[str]) -> tuple[By, ...]:
    """Return the columns of named dimensions; raises InvalidError for an unknown one."""
    wrong = next((name for name in names if name not in DIMENSIONS), None)
    if wrong is not None:
        raise InvalidError(f"Costs are not kept by {wrong!r}; there are {', '.join(DIMENSIONS)}.")
    return tuple(DIMENSIONS[name] for name in names)


def costs(views: Views, by: Sequence[By], since: datetime | None = None) -> list[shapes.CostSum]:
    """Return sums by some dimensions, the most expensive first."""
    return [
        shapes.CostSum(by=tuple(by), **row) for row in queries.costs_by(views, *by, since=since)
    ]


def budgets(views: Views, since: datetime | None = None) -> list[shapes.Budget]:
    """Return the runs that have a budget with what they spent of it, the fullest first."""
    return [shapes.Budget(**row) for row in queries.budgets(views, since)]


def proof(engine: Engine, reader: LogReader) -> shapes.CostProof:
    """Compare the sums of every view with the journal's; raises NotCaughtUp where none can be.

    It reads the whole journal, of every tenant: an operator's use case.
    """
    found = verifying.verify(engine, reader)
    return shapes.CostProof(
        equal=not found.differences,
        total=_total(found.total),
        runs=found.runs,
        probes=found.probes,
        sums=found.sums,
        offsets=dict(found.offsets),
        differences=tuple(shapes.CostDifference(**asdict(each)) for each in found.differences),
    )


def reprice(
    engine: Engine, reader: LogReader, prices: PriceFile, name: str, since: datetime | None = None
) -> shapes.Repricing:
    """Keep the past at other prices under a name, and return the sums.

    Raises PriceFileError where the prices lack a model. An operator's use case.
    """
    done = repricing.reprice(engine, reader, prices, name, since)
    return shapes.Repricing(
        repricing=name,
        by_model={model: _repriced(group) for model, group in done.by_model.items()},
        **dict(_repriced(done.total)),
    )


def _total(sums: Sums) -> shapes.CostTotal:
    return shapes.CostTotal(
        calls=sums.calls,
        unpriced=sums.unpriced,
        input_tokens=sums.input_tokens,
        output_tokens=sums.output_tokens,
        cost_usd=known_usd(sums.cost, sums.unpriced),
    )


def _repriced(group: Group) -> shapes.Repriced:
    figures = asdict(group) | {"difference_usd": group.difference_usd}
    if group.calls and not group.compared:
        figures |= dict.fromkeys(("recorded_usd", "repriced_usd", "difference_usd"))
    return shapes.Repriced(**figures)
