"""How the toys' records stand on the log: a codec for each, over one registry."""

from __future__ import annotations

import json

from runfold.events.avro.codec import Codec
from runfold.events.avro.schema import pretty, schema_for, subject
from runfold.events.avro.vocabulary import Vocabulary
from runfold.events.base import Record
from runfold.events.errors import WireError
from runfold.events.records.operations import DeadLetter, PositionNoted, RestorePoint
from tests.engine.toys import job_records as jobs
from tests.engine.toys import ledger_records as ledger
from tests.engine.toys import topics


class ParkedToy(Record):
    """A part of a sleeping toy."""

    key: str
    values: tuple[bytes, ...]


RECORDS: dict[str, tuple[type[Record], ...]] = {
    topics.REQUESTS: (jobs.JobRequested,),
    topics.CONTROLS: jobs.CONTROLS,
    topics.RESULTS: (jobs.JobResult, jobs.FundsAnswered),
    topics.EVENTS: (*jobs.FACTS, PositionNoted),
    topics.COMPLETIONS: jobs.TERMINAL,
    topics.CALLS: (jobs.JobWork,),
    topics.RESTORE: (RestorePoint,),
    topics.PARKED: (ParkedToy,),
    topics.ENTRIES: (ledger.Deposit, ledger.AskFunds),
    topics.LEDGER: (*ledger.FACTS, PositionNoted),
    topics.LEDGER_RESTORE: (RestorePoint,),
    topics.LEDGER_PARKED: (ParkedToy,),
    topics.DEAD_LETTERS: (DeadLetter,),
}

_INPUTS = frozenset({topics.REQUESTS, topics.CONTROLS, topics.RESULTS, topics.ENTRIES})


class ToyRegistry:
    """Numbers for the toys' schemas, the same in every process."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._schemas: dict[int, str] = {}
        for topic, records in RECORDS.items():
            for record in records:
                number = 10_000 + len(self._ids)
                self._ids[subject(topic, record)] = number
                self._schemas[number] = pretty(schema_for(record))

    def id_of(self, name: str, schema: str) -> int:
        number = self._ids[name]
        assert json.loads(self._schemas[number]) == json.loads(schema)
        return number

    def schema_of(self, schema_id: int) -> str:
        if schema_id not in self._schemas:
            raise WireError("unknown_schema", f"No schema has the id {schema_id}.")
        return self._schemas[schema_id]


_REGISTRY = ToyRegistry()

JOB_CODEC = Codec(_REGISTRY, Vocabulary(RECORDS, topics.EVENTS, topics.COMPLETIONS, _INPUTS))
LEDGER_CODEC = Codec(_REGISTRY, Vocabulary(RECORDS, topics.LEDGER, None, _INPUTS))
