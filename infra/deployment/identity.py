"""Whether a database and the topics of a cluster belong together, by what each says of the other.

The database has an id of its own and notes the id of the journal's topic. The journal's topic has a
mark that follows from the id of the database. Neither is compared with anything but these.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from runfold.infra.deployment.naming import Naming
from runfold.infra.settings.declared import variables
from runfold.infra.settings.errors import ConfigError

DEPLOYMENT = variables.DEPLOYMENT_NAME.name

ADOPT = "--adopt"
"""The option of ``runfold up`` and ``prepare`` that puts the two together, whatever they say."""

_WAY_OUT = (
    "If they do belong together (a new database or new topics in place of those that were lost), "
    f"stop every process and run `runfold up {ADOPT}`, or `python -m runfold.stack.prepare "
    f"{ADOPT}` where processes are started in another way."
)
_TWO = (
    "Two deployments cannot share topics: each would take the other's runs and make the other's "
    "calls."
)


class AnotherDeploymentError(ConfigError):
    """The database and the topics are of two deployments; nothing was done to either."""


class StillRunningError(ConfigError):
    """Processes of a deployment still run; nothing was done to it."""


@dataclass(frozen=True, slots=True)
class Journal:
    """The topic ``runs.events`` that is there: its id, and its mark, "" where it has none."""

    topic_id: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Binding:
    """What a database says of itself: its id, and of which journal it is, "" before the first."""

    database_id: UUID
    topic_id: str = ""

    @property
    def mark(self) -> str:
        """What the journal's topic carries that belongs to this database: a number as text."""
        return mark_of(self.database_id)


def mark_of(database_id: UUID) -> str:
    """Return a number from 2**61 to below 2**62 that stands for a database."""
    number = int.from_bytes(sha256(database_id.bytes).digest()[:8])
    return str((number >> 3) | (1 << 61))


def named_otherwise(owner: str, here: str) -> str:
    """Return a sentence for a database of one deployment in a process that is named for another."""
    return (
        f"The database of DATABASE_URL belongs to the {Naming(owner).said} on this Kafka, and this "
        f"process is started as the {Naming(here).said}: {_choose(owner)}, or name the database of "
        "the other one (DATABASE_URL, RUNFOLD_DATABASE_SCHEMA)."
    )


def no_topics(here: str, others: Collection[str]) -> str:
    """Return a sentence for a deployment that has no topics on a cluster where others have."""
    names = ", ".join(sorted(filter(None, others)))
    there = [f"those named {names}"] if names else []
    there += ["the one without a name"] if "" in others else []
    return (
        f"The {Naming(here).said} has no topics on this Kafka, which holds those of other "
        f"deployments ({' and '.join(there)}): set {DEPLOYMENT} to the one that is meant, or make "
        "its topics with `runfold up` or `python -m runfold.stack.prepare`."
    )


def _choose(name: str) -> str:
    return f"set {DEPLOYMENT}={name}" if name else f"unset {DEPLOYMENT}"


def mismatch(journal: Journal | None, binding: Binding | None) -> str:
    """Return a sentence where the two are of two deployments; "" where nothing says so.

    None stands for a topic that is not there, and for a database that says nothing of itself.
    """
    if journal is not None and journal.mark and (binding is None or binding.mark != journal.mark):
        return (
            "The topics of this Kafka belong to a deployment with another database than that of "
            f"DATABASE_URL. {_TWO} Give this one a name or a Kafka of its own "
            f"({DEPLOYMENT}, KAFKA_BOOTSTRAP_SERVERS), or name its own database (DATABASE_URL, "
            f"RUNFOLD_DATABASE_SCHEMA). {_WAY_OUT}"
        )
    if binding is None or not binding.topic_id:
        return ""
    if journal is None or journal.topic_id != binding.topic_id:
        where = "are not in this Kafka" if journal is None else "are not those of this Kafka"
        return (
            f"The database of DATABASE_URL belongs to a deployment whose topics {where}: its runs "
            "would be mixed with others. Name the Kafka of that deployment "
            "(KAFKA_BOOTSTRAP_SERVERS), or another database (DATABASE_URL, "
            f"RUNFOLD_DATABASE_SCHEMA). {_WAY_OUT}"
        )
    return ""
