"""Tenants: who asked to be admitted, who waits and runs, and what was booked [131-135]."""

from __future__ import annotations

from runfold.events import tenant as t
from runfold.events import topics, wording
from runfold.projections.rendering.readable import clean
from runfold.projections.store.rows.merging import Merging
from runfold.projections.tables import tenant_budgets, tenant_runs
from runfold.projections.view import Batch, OfTenant, Row, Rows, View


def add(batch: Batch, rows: Rows) -> None:
    """Add a row a run that asked, and a row a book, or what has changed of them."""
    runs, books = Merging(tenant_runs, rows), rows.of(tenant_budgets)
    for placed in batch.tenants:
        at, tenant_id = placed.meta.time, clean(placed.meta.tenant_id)
        match placed.fact:
            case t.AdmissionQueued(waiting=waiting) as fact:
                runs.put(
                    **_asks(tenant_id, waiting.asks),
                    status="queued",
                    reason=_text(fact.reason),
                    queue_position=fact.position,
                    queued_at=waiting.since,
                )
            case t.AdmissionGranted(admission=admission):
                runs.put(
                    **_asks(tenant_id, admission.asks),
                    status="running",
                    admitted_at=admission.since,
                    **_amounts("set_aside", admission.reserved),
                )
            case t.AdmissionRefused(asks=asks) as fact:
                runs.put(
                    **_asks(tenant_id, asks),
                    status="refused",
                    reason=_text(fact.reason),
                    code=clean(fact.code),
                    ended_at=at,
                )
            case t.AdmissionReturned() as fact:
                runs.put(
                    run_id=clean(fact.run_id),
                    status="returned",
                    ended_at=at,
                    **_amounts("used", fact.used),
                )
                _put_all(books, placed, fact.books)
            case t.ReservationExtended(run_id=run_id, reserved=reserved):
                runs.put(run_id=clean(run_id), **_amounts("set_aside", reserved))
            case t.LateCostBooked(run_id=run_id) as fact:
                runs.put(run_id=clean(run_id), **_amounts("used", fact.used))
                _put_all(books, placed, fact.books)
            case t.BudgetAlerted(book=book):
                _put_all(books, placed, (book,))
            case _:
                pass


def _asks(tenant_id: str, asks: t.Asks) -> Row:
    return {
        "run_id": clean(asks.run_id),
        "tenant_id": tenant_id,
        "user_id": clean(asks.user_id),
        "agent": clean(asks.agent),
        "feature": None if asks.feature is None else clean(asks.feature),
        "priority": asks.priority,
    }


def _text(reason: str) -> str:
    return clean(wording.plain(reason))


def _amounts(what: str, amounts: tuple[t.Amount, ...]) -> Row:
    return {f"{each.unit}_{what}": each.amount for each in amounts if each.unit in _UNITS}


_UNITS = ("usd", "tokens", "tool_calls", "retries")


def _put_all(books: dict[object, Row], placed: OfTenant, changed: tuple[t.Book, ...]) -> None:
    for book in changed:
        _put(books, placed, book)


def _put(books: dict[object, Row], placed: OfTenant, book: t.Book) -> None:
    key = (placed.meta.tenant_id, book.of, book.name, book.unit, book.period, book.start)
    row = books.setdefault(key, {})
    row.update(
        tenant_id=clean(placed.meta.tenant_id),
        scope=book.of,
        name=clean(book.name),
        unit=book.unit,
        period=book.period,
        began_at=book.start,
        used=book.used,
        updated_at=placed.meta.time,
    )
    # What is not known of a book of before changes nothing.
    row |= {
        name: value
        for name, value in (("limit_amount", book.limit), ("soft_amount", book.soft))
        if value is not None
    }
    if book.warned:
        row["alerted"] = True


VIEW = View("tenants", (tenant_runs, tenant_budgets), add, (topics.TENANT_EVENTS,))
