"""``costs``: sums on the screen; JSON carries every digit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from runfold.surfaces.application.errors import InvalidError
from runfold.surfaces.application.operations.costs import (
    budgets,
    costs,
    dimensions_of,
    proof,
    reprice,
)
from runfold.surfaces.application.shapes import CostSum, Repriced
from runfold.surfaces.cli import exits, output
from runfold.surfaces.cli.context import Context
from runfold.surfaces.cli.faults import CliError
from runfold.surfaces.costs import price_file
from runfold.surfaces.words import money, spent

_SHOWN = 20


def show_costs(
    context: Context, by: Sequence[str], tenant: str | None, since: datetime | None, *, json: bool
) -> None:
    """Print what was spent by the named dimensions."""
    try:
        columns = dimensions_of(by)
    except InvalidError as error:
        raise CliError(str(error), exits.USAGE) from error
    with context.views(tenant) as views:
        found = costs(views, columns, since)
    if json:
        output.as_json(found)
        return
    whole = sum((row.cost_usd or Decimal(0) for row in found), Decimal(0))
    rows = [
        (*(getattr(row, column) for column in columns), *_spent(row), _share(row.cost_usd, whole))
        for row in found
    ]
    if len(found) > 1:
        rows.append(("in all", *[""] * (len(columns) - 1), *_spent(_in_all(found)), ""))
    named = ("calls", "tokens in", "out", "unpriced", "retries", "wasted", "cache saved", "cost")
    output.table((*by, *named, "share"), rows, "Nothing was spent.")


def _spent(row: CostSum) -> tuple[object, ...]:
    return (
        row.calls,
        row.input_tokens,
        row.output_tokens,
        row.unpriced,
        signed(row.retry_usd),
        signed(row.wasted_usd),
        signed(row.cache_savings_usd),
        spent(row.cost_usd, row.unpriced),
    )


def _share(part: Decimal | None, whole: Decimal) -> str:
    return output.bar(float(part / whole)) if part is not None and whole > 0 else ""


def _in_all(rows: Sequence[CostSum]) -> CostSum:
    def known(amounts: Iterable[Decimal | None]) -> Decimal | None:
        priced = [each for each in amounts if each is not None]
        return sum(priced, Decimal(0)) if priced else None

    return CostSum(
        by=(),
        calls=sum(row.calls for row in rows),
        input_tokens=sum(row.input_tokens for row in rows),
        output_tokens=sum(row.output_tokens for row in rows),
        unpriced=sum(row.unpriced for row in rows),
        cost_usd=known(row.cost_usd for row in rows),
        retry_usd=known(row.retry_usd for row in rows),
        wasted_usd=known(row.wasted_usd for row in rows),
        cache_savings_usd=known(row.cache_savings_usd for row in rows),
    )


def show_budgets(
    context: Context, tenant: str | None, since: datetime | None, *, json: bool
) -> None:
    """Print what runs with a budget spent of it."""
    with context.views(tenant) as views:
        found = budgets(views, since)
    if json:
        output.as_json(found)
        return
    rows = [
        (
            output.short(row.run_id),
            row.tenant_id,
            row.agent,
            row.status,
            money(row.budget_usd),
            spent(row.cost_usd, row.unpriced_calls),
            "-" if row.spent_share is None else f"{row.spent_share:.0%}",
        )
        for row in found
    ]
    columns = ("run", "tenant", "agent", "status", "budget", "cost", "spent")
    output.table(columns, rows, "No run has a budget.")


def show_proof(context: Context, *, json: bool) -> int:
    """Print whether every view's sums are the journal's, and return whether they are."""
    with output.waiting("the journal to be read"):
        found = proof(context.engine, context.reader)
    code = exits.OK if found.equal else exits.NO
    if json:
        output.as_json(found)
        return code
    total = found.total
    console = output.console()
    console.print(
        f"journal  {_exact(total.cost_usd)} in {total.calls} calls, {total.unpriced} of them "
        "unpriced, "
        f"{total.input_tokens} tokens in, {total.output_tokens} out, {found.runs} runs"
        + (f", {found.probes} of them Runfold's own probes" if found.probes else ""),
        markup=False,
    )
    for each in found.differences[:_SHOWN]:
        console.print(f"  {each.view}, {each.of}: the view says {each.shown}", markup=False)
        console.print(f"    and the journal {each.journal}", markup=False)
    if found.equal:
        sentence = (
            f"Equal to the last digit: {found.sums} sums of costs, and runs, calls and exit "
            "records."
        )
        console.print(sentence, style="bold green")
    else:
        differ = len(found.differences)
        sentence = f"{differ} sums differ: fold the view again with `runfold rebuild`."
        console.print(sentence, style="bold red")
    return code


def show_repricing(
    context: Context, file: Path, name: str, since: datetime | None, *, json: bool
) -> None:
    """Keep the past at the prices of a file, and print the difference by model."""
    prices = price_file.read(file)
    with output.waiting("the journal to be read"):
        done = reprice(context.engine, context.reader, prices, name, since)
    if json:
        output.as_json(done)
        return
    rows = [(model, *_cells(group)) for model, group in sorted(done.by_model.items())]
    columns = ("model", "calls", "on record", "at these prices", "difference", "no price")
    output.table(columns, [*rows, ("in all", *_cells(done))] if rows else [], "No answers yet.")
    output.console().print(
        f"Kept as {name!r} in repricings and repriced_costs; the record is untouched.",
        markup=False,
    )


def _exact(amount: Decimal | None) -> str:
    return "unpriced" if amount is None else f"${amount:f}"


def _cells(group: Repriced) -> tuple[object, ...]:
    """Return amounts of answers priced both ways, and how many of the rest lack a price when."""
    amounts = (
        signed(group.recorded_usd),
        signed(group.repriced_usd),
        None if group.difference_usd is None else signed(group.difference_usd),
    )
    lacking = f"{group.unpriced_before} before, {group.unpriced_after} after"
    return (group.calls, *amounts, lacking)


def signed(amount: Decimal | None) -> str:
    """Return an amount that may be below 0, or that there is no price to compute it with."""
    if amount is None:
        return "unpriced"
    return f"-{money(-amount)}" if amount < 0 else money(amount)
