"""How a pool asks whether a call may begin, and what the run answers.

Between the handing out of a call and its beginning may lie hours, and the run may have gone on
without it. So a pool that has room for a call asks on ``runs.results``, the run decides, and the
answer comes on ``calls.permits``, in one transaction with what is on record of it.
"""

from __future__ import annotations

from runfold.events.base import Record


class BeginRequested(Record):
    """A pool would make an attempt of a call now. Asking again is the same question.

    ``by`` names the one that asks, and nobody else for ever; the answer goes to it, with the same
    ``number``, so that none is taken for that to an earlier question.
    """

    run_id: str
    call_id: str
    attempt: int
    by: str
    number: int = 0


class BeginAnswered(Record):
    """Whether that attempt may begin; what is not ``granted`` is wanted no more and is dropped."""

    run_id: str
    call_id: str
    attempt: int
    by: str
    granted: bool
    number: int = 0
