"""What a model says while it answers: live only, and never part of the record of a run."""

from __future__ import annotations

from runfold.events.base import Record, Said

MOST_TEXT = 16_000
"""The characters that one record holds at most."""


class ModelDelta(Record):
    """A piece of an answer's text, as it was written; ``ModelResponded`` follows with the whole.

    ``index`` counts the pieces of one asking from 0: where it begins again the model was asked
    again, by the same call, and what was shown of it before is void. Pieces may be missing, and
    whoever shows them goes by what ``ModelResponded`` says. A tenant whose contents are sealed has
    them sealed here, too; where an agent hides data from its model there are none.
    """

    run_id: str
    tenant_id: str
    call_id: str
    attempt: int
    model: str
    index: int
    text: Said
