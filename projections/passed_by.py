"""What an older release passed by in the views, and this one can read: they lack it until rebuilt.

A projector keeps what it cannot read as a dead letter of its own and goes on. After an upgrade the
same bytes may well say something, and a view that has gone on does not come back for them.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

from runfold.events.avro.codec import Codec
from runfold.events.avro.compiled.readers import HEAD
from runfold.projections.queries import OperatorViews, unread

TODO = "`runfold rebuild` folds every view again, as does `runfold rebuild VIEW` for one"


@dataclass(frozen=True, slots=True)
class PassedBy:
    """So many records of so many runs."""

    records: int
    runs: int

    def __str__(self) -> str:
        return (
            f"the views lack {self.records} records of {self.runs} runs, which an older release "
            "could not read and this one can"
        )


def passed_by(views: OperatorViews, codec: Codec) -> PassedBy | None:
    """Return what was passed by and can be read now, None where there is nothing.

    Raises RegistryError where a schema registry must be asked and does not answer.
    """
    records, runs = 0, set[str]()
    known: dict[tuple[str, bytes], bool] = {}
    for topic, key, begins, count in unread(views):
        schema = topic, base64.b64decode(begins)[:HEAD]
        if schema not in known:
            known[schema] = codec.knows(*schema)
        if known[schema]:
            records += count
            runs.add(key)
    return PassedBy(records, len(runs)) if records else None
