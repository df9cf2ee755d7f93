"""What a run used is booked when it returns; a soft limit that is reached is on record."""

from __future__ import annotations

from decimal import Decimal

from runfold.events import tenant as t
from runfold.events.definitions.tenancy.tenant_policy import Budget
from runfold.processors.tenant.draft import Draft
from runfold.processors.tenant.evolve import is_awaited
from runfold.processors.tenant.rules.retries import CALLS, RETRIES, book_keys
from runfold.processors.tenant.use import NOTHING, book_key, concerns


def returned(draft: Draft, back: t.RunReturned) -> None:
    """Take a run back that has ended or does not want to wait any more."""
    admission, waiting = draft.tenant.running.get(back.run_id), draft.tenant.waits(back.run_id)
    if admission is None and waiting is None:
        return
    asks = admission.asks if admission else None
    used = _used(back, admitted=admission is not None)
    draft.say(_returned(back, used, _books(draft, asks, used) if asks else ()))
    if asks:
        alert(draft, asks)


def returned_unbooked(draft: Draft, back: t.RunReturned) -> None:
    """Take a run back whose use cannot be booked: its place is free all the same."""
    admitted = back.run_id in draft.tenant.running
    if admitted or draft.tenant.waits(back.run_id):
        draft.say(_returned(back, _used(back, admitted=admitted), ()))


def late(draft: Draft, cost: t.LateCostReported) -> None:
    """Book what a call cost whose result came after the end of its run, once.

    What nobody waits for is booked already, or was told by nobody who was admitted.
    """
    settled = draft.tenant.settled.get(cost.run_id)
    call = f"{cost.call_id}/{cost.attempt}"
    if settled is None or call not in settled.open or not is_awaited(settled, draft.env.now):
        return
    if cost.cost < 0 or cost.tokens < 0:
        return
    used = {"usd": cost.cost, "tokens": Decimal(cost.tokens)}
    draft.say(
        t.LateCostBooked(
            run_id=cost.run_id,
            call=call,
            used=tuple(t.Amount(unit=unit, amount=amount) for unit, amount in used.items()),
            books=_books(draft, settled.asks, used),
        )
    )
    alert(draft, settled.asks)


def _used(back: t.RunReturned, *, admitted: bool) -> dict[str, Decimal]:
    return {
        "usd": back.spent,
        "tokens": Decimal(back.tokens),
        "tool_calls": Decimal(back.tool_calls),
        "runs": Decimal(admitted),
        CALLS: Decimal(back.calls),
        RETRIES: Decimal(back.retries),
    }


def _returned(
    back: t.RunReturned, used: dict[str, Decimal], books: tuple[t.Book, ...]
) -> t.AdmissionReturned:
    return t.AdmissionReturned(
        run_id=back.run_id,
        admitted=bool(used["runs"]),
        used=tuple(t.Amount(unit=unit, amount=amount) for unit, amount in used.items()),
        books=books,
        open=back.open,
        held=back.held,
    )


def _books(draft: Draft, asks: t.Asks, used: dict[str, Decimal]) -> tuple[t.Book, ...]:
    use, books = draft.use(), {}
    for budget in draft.policy.budgets if draft.policy else ():
        if concerns(budget, asks):
            book = _plus(use.book(key := book_key(budget, asks)), used)
            books[key] = book.model_copy(update=_limits(budget))
    for key in book_keys(draft.policy):
        books[key] = _plus(use.book(key), used)
    return tuple(books.values())


def _plus(book: t.Book, used: dict[str, Decimal]) -> t.Book:
    return book.model_copy(update={"used": book.used + used.get(book.unit, NOTHING)})


def _limits(budget: Budget) -> dict[str, Decimal | None]:
    return {"limit": budget.limit, "soft": budget.soft}


def alert(draft: Draft, asks: t.Asks) -> None:
    """Put on record that a soft limit is reached, once a period."""
    for budget in draft.policy.budgets if draft.policy else ():
        if budget.soft is None or not concerns(budget, asks):
            continue
        use, key = draft.use(), book_key(budget, asks)
        book, committed = use.book(key), use.committed(key)
        if committed >= budget.soft and not book.warned:
            draft.say(
                t.BudgetAlerted(
                    book=book.model_copy(update={"warned": True, **_limits(budget)}),
                    committed=committed,
                    soft=budget.soft,
                    limit=budget.limit,
                )
            )
