"""What a run used is booked when it returns; a soft limit that is reached is on record."""

from __future__ import annotations

from decimal import Decimal

from runfold.events import tenant as t
from runfold.processors.tenant.draft import Draft
from runfold.processors.tenant.use import book_key, concerns


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


def _used(back: t.RunReturned, *, admitted: bool) -> dict[str, Decimal]:
    return {
        "usd": back.spent,
        "tokens": Decimal(back.tokens),
        "tool_calls": Decimal(back.tool_calls),
        "runs": Decimal(admitted),
    }


def _returned(
    back: t.RunReturned, used: dict[str, Decimal], books: tuple[t.Book, ...]
) -> t.AdmissionReturned:
    return t.AdmissionReturned(
        run_id=back.run_id,
        admitted=bool(used["runs"]),
        used=tuple(t.Amount(unit=unit, amount=amount) for unit, amount in used.items()),
        books=books,
    )


def _books(draft: Draft, asks: t.Asks, used: dict[str, Decimal]) -> tuple[t.Book, ...]:
    use, books = draft.use(), {}
    for budget in draft.policy.budgets if draft.policy else ():
        if concerns(budget, asks):
            book = use.book(key := book_key(budget, asks))
            books[key] = book.model_copy(
                update={
                    "used": book.used + used[budget.unit],
                    "limit": budget.limit,
                    "soft": budget.soft,
                }
            )
    return tuple(books.values())


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
                    book=book.model_copy(
                        update={"warned": True, "limit": budget.limit, "soft": budget.soft}
                    ),
                    committed=committed,
                    soft=budget.soft,
                    limit=budget.limit,
                )
            )
