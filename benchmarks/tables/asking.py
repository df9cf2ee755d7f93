"""What a question to the tables touches, and how much a look-up may touch."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from benchmarks.tables.bulk_load import Known
from benchmarks.tables.plans import Statement, buffers, explain, made_of, scans, statements
from benchmarks.tables.questions import Question

_ANALYZED = ", ANALYZE, BUFFERS"
_PAGES, _PAGES_A_ROW = 100, 20
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """One statement of a question: ``rows`` is of how many its answer was made.

    ``pages`` of 8 KB were touched, in the cache or not, where ``may`` is the bound of a look-up,
    None for a report; ``ms`` is the median time of execution, ``first_ms`` that of the first one.
    """

    question: str
    scans: list[str]
    rows: int
    pages: int
    may: int | None
    ms: float
    first_ms: float

    @property
    def too_much(self) -> bool:
        """Whether a look-up touched more than it may."""
        return self.may is not None and self.pages > self.may

    def line(self) -> str:
        """Return it as a person reads it."""
        bound = "" if self.may is None else f" of {self.may:,}"
        return (
            f"{'TOO MUCH ' * self.too_much}{self.question}: {self.pages:,} pages{bound}, "
            f"{self.rows:,} rows, {self.ms:,.2f} ms; {', '.join(self.scans)}"
        )


def allowed(rows: int) -> int:
    """Return how many pages a look-up may touch whose answer is made of so many rows."""
    return _PAGES + _PAGES_A_ROW * rows


def ask(
    engine: Engine, name: str, question: Question, known: Known, *, lookup: bool
) -> list[Answer]:
    """Return what each statement of a question did."""
    with engine.connect() as connection:
        with statements(engine) as found:
            question(connection, known)
        return [_answer(connection, name, each, lookup=lookup) for each in [*found]]


def _answer(connection: Connection, name: str, statement: Statement, *, lookup: bool) -> Answer:
    said = [explain(connection, statement, _ANALYZED) for _ in range(_ROUNDS if lookup else 1)]
    plan, times = said[-1]["Plan"], [each["Execution Time"] for each in said]
    rows = made_of(plan)
    return Answer(
        name,
        scans(plan),
        rows,
        buffers(plan),
        allowed(rows) if lookup else None,
        round(statistics.median(times), 3),
        round(times[0], 3),
    )
