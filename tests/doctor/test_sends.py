"""The doctor looks for the topics that aggregates send messages to."""

from __future__ import annotations

from runfold.processors.run.aggregate import RUNS
from runfold.surfaces.doctor.finding import Level
from runfold.surfaces.doctor.log.broker import AGGREGATES, sent_to
from runfold.surfaces.doctor.log.kafka import Cluster, Partition
from tests.engine.toys import topics
from tests.engine.toys.job import JOBS


def cluster(*names: str) -> Cluster:
    return Cluster(1, {name: {0: Partition(0, 1, 1)} for name in names})


def test_a_topic_that_nobody_made_is_found_where_an_aggregate_sends_to_it() -> None:
    (found,) = sent_to(cluster("other"), [JOBS])
    assert found.level is Level.WRONG
    assert found.what == f"{topics.ENTRIES} is missing, and {JOBS.name} sends messages to it"
    assert found.todo
    assert list(sent_to(cluster(topics.ENTRIES), [JOBS])) == []


def test_runs_are_among_the_aggregates_that_are_looked_at() -> None:
    assert RUNS in AGGREGATES
