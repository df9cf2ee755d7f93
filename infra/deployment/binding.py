"""Whether this database and this Kafka are one deployment's: compared at every start, bound once.

Every process that is given both asks ``need``. ``runfold.stack.prepare``, which ``runfold up`` runs
before anything else, and a restore ``bind`` them, in this order:
1. both are asked; where they are of two deployments, nothing is done to either
2. the database has an id from now on
3. the journal's topic carries the mark of it: from its first moment, where it is made here
4. the database notes which topic that is
5. both are asked again: of two that bound themselves at the same moment, one is refused

A database or a cluster that does not let itself be looked at, for want of a right, is passed over
with a warning: it says nothing of another deployment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import psycopg
from confluent_kafka import KafkaException

from runfold.infra.database.errors import DatabaseUnfitError
from runfold.infra.deployment import database, journal
from runfold.infra.deployment.identity import (
    AnotherDeploymentError,
    Binding,
    Journal,
    mismatch,
    named_otherwise,
)
from runfold.infra.deployment.naming import naming_of

Kafka = Mapping[str, object]
Tell = Callable[[str], None]


def need(kafka: Kafka, url: str, tell: Tell) -> None:
    """Raise AnotherDeploymentError where the database and the topics are of two deployments.

    ``tell`` hears of what could not be seen.
    """
    try:
        said = unfit(kafka, journal.journal_of(kafka), database.binding_of(url))
    except (psycopg.Error, KafkaException) as error:
        tell(unseen(error))
        return
    if said:
        raise AnotherDeploymentError(said)


def unfit(kafka: Kafka, found: Journal | None, binding: Binding | None) -> str:
    """Return a sentence where the two are of two deployments; "" where nothing says so.

    Where the database is that of another deployment on the same cluster, the sentence names it.
    """
    said = mismatch(found, binding)
    if said and binding is not None and binding.topic_id:
        here = naming_of(kafka).deployment
        for name, topic_id in journal.journals(kafka).items():
            if topic_id == binding.topic_id and name != here:
                return named_otherwise(name, here)
    return said


def begin(url: str, tell: Tell) -> Binding | None:
    """Give the database its id (step 2); None where it does not let us, which ``tell`` hears."""
    try:
        return database.made(url)
    except (psycopg.Error, DatabaseUnfitError) as error:
        tell(
            f"The database does not note which deployment it is of ({_first_line(error)}): have "
            "the owner of its schema run `python -m runfold.stack.prepare` once."
        )
        return None


def finish(kafka: Kafka, url: str, binding: Binding, tell: Tell, *, adopt: bool = False) -> None:
    """Mark the topic, which is there, and note it (steps 3 to 5).

    With ``adopt`` what either says of another deployment is written over. Raises
    AnotherDeploymentError, also where somebody else was first.
    """
    try:
        found = journal.journal_of(kafka)
        if not adopt and (said := unfit(kafka, found, binding)):
            raise AnotherDeploymentError(said)
        found = _marked(kafka, found, binding, tell)
        if found is not None and found.topic_id != binding.topic_id:
            database.note(url, found.topic_id)
    except (psycopg.Error, KafkaException) as error:
        tell(unseen(error))
        return
    need(kafka, url, tell)


def _marked(kafka: Kafka, found: Journal | None, binding: Binding, tell: Tell) -> Journal | None:
    if found is None or found.mark == binding.mark:
        return found
    try:
        now = journal.put_mark(kafka, binding.mark, found.mark)
    except KafkaException as error:
        tell(
            "The topic runs.events does not take the mark of its database "
            f"({error.args[0].str()}): another deployment with a database of its own would not be "
            "kept from these topics. Let whoever runs `prepare` change the settings of that topic "
            "(ALTER_CONFIGS)."
        )
        return found
    if now is not None and now.mark in ("", found.mark):
        tell("The topic runs.events has its mark, and does not show it yet: run this once more.")
        return now
    if now is not None and now.mark != binding.mark:
        raise AnotherDeploymentError(mismatch(now, binding))
    return now


def unseen(error: Exception) -> str:
    """Return what is said where one of the two cannot be looked at."""
    said = _first_line(error)
    return f"whether the database and the topics are of one deployment cannot be seen: {said}"


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
