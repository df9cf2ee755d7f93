"""The inputs of the toys: their topics, keys, and new ids."""

from __future__ import annotations

import os
import time

from runfold.events.base import Record
from tests.engine.toys import topics
from tests.engine.toys.codecs import JOB_CODEC, RECORDS
from tests.engine.toys.job import JOBS
from tests.engine.toys.ledger import LEDGERS

CODEC = JOB_CODEC


def topic_of(record: Record) -> str:
    """The input topic of a record."""
    return next(
        topic
        for topic in (*JOBS.topics.inputs, *LEDGERS.topics.inputs)
        if type(record) in RECORDS[topic]
    )


def key_of(record: Record) -> str:
    """The key of the toy that a record is for."""
    of = LEDGERS if topic_of(record) == topics.ENTRIES else JOBS
    return of.key_of(record)


def job_id(number: int) -> str:
    """An id that was never used before."""
    return f"{time.time_ns():x}{os.urandom(2).hex()}-{number}"
