"""``make bench-tables``: every query of the command line and the documents in full tables.

Fills a database of its own with so many events and the other rows of as many runs, asks each
question, and has Postgres tell what it did. A look-up may touch some pages, and some for each row
that its answer is made of, however full the tables are; a report reads everything.

Prints the figures and writes build/tables.json; ``--take`` puts them into
docs/performance/growth.md. Ends with 1 where a look-up touched more than it may, with 2 where the
disk has no room.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text

from benchmarks.figures import keep
from benchmarks.filling import A_RUN, Filling, Known, fill
from benchmarks.growth_page import take
from benchmarks.peers.database import Database
from benchmarks.plans import Statement, buffers, explain, made_of, scans, statements
from benchmarks.questions import LOOKUPS, REPORTS, Question, of_documents
from runfold.projections import schema
from tests.docs.given import blocks

_ANALYZED = ", ANALYZE, BUFFERS"
_PAGES, _PAGES_A_ROW = 100, 20
_BYTES_AN_EVENT = 2_000
"""Room on the disk for an event, the rows beside it, their indexes, and the server's log."""

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


def measure(url: str, events: int) -> dict[str, Any]:
    """Fill the tables and return the figures."""
    filling = Filling(max(1, events // A_RUN["run_events"]), A_RUN)
    began = time.perf_counter()
    fill(url, filling, lambda line: print(f"  {line}", flush=True))
    seconds = time.perf_counter() - began
    engine = schema.engine(url)
    try:
        with engine.connect() as connection:
            size = connection.execute(text("SELECT pg_database_size(current_database())")).scalar()
        answers = _ask_all(engine, Known.of(filling.runs))
    finally:
        engine.dispose()
    return {
        "events": filling.rows["run_events"],
        "rows": sum(filling.rows.values()),
        "database_mb": round((size or 0) / 1e6),
        "filled_s": round(seconds, 1),
        **{
            kind: [asdict(each) for each in answers if (each.may is None) == (kind == "reports")]
            for kind in ("lookups", "reports")
        },
    }


def _ask_all(engine: Engine, known: Known) -> list[Answer]:
    lookups, reports = of_documents([b.text for b in blocks() if b.language == "sql"])
    answers = []
    for questions, lookup in ((LOOKUPS | lookups, True), (REPORTS | reports, False)):
        for name, question in questions.items():
            for answer in ask(engine, name, question, known, lookup=lookup):
                print(answer.line(), flush=True)
                answers.append(answer)
    return answers


@contextmanager
def _database(folder: Path | None) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="runfold-bench-", dir=folder) as made:
        Path(made).chmod(0o755)
        server = Database(Path(made))
        try:
            yield server.url
        finally:
            server.stop()


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; 0 when it was measured and every look-up touched what it may."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000, help="rows of run_events")
    parser.add_argument("--folder", type=Path, help="where the database lies meanwhile")
    parser.add_argument("--take", action="store_true", help="write the page from the figures")
    chosen = parser.parse_args(arguments)
    free = shutil.disk_usage(chosen.folder or tempfile.gettempdir()).free
    if free < (needed := chosen.events * _BYTES_AN_EVENT + 2_000_000_000):
        print(f"{needed / 1e9:.0f} GB of disk are needed, {free / 1e9:.0f} are free: see --folder")
        return 2
    with _database(chosen.folder) as url:
        figures = measure(url, chosen.events)
    print(f"written to {keep('tables', figures)}")
    if chosen.take:
        take("tables")
    too_much = [e["question"] for e in figures["lookups"] if e["pages"] > e["may"]]
    if too_much:
        print(f"touched more than they may: {', '.join(too_much)}")
    return 1 if too_much else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
