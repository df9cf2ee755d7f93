"""What a projector reads beside the shared settings: which partitions are its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from runfold.events.topics import EVENTS
from runfold.infra.settings.config import Config, ConfigError
from runfold.infra.settings.declared import isolation, variables
from runfold.producers.log.membership import Membership
from runfold.producers.log.ownership.fixed import FixedOwnership
from runfold.producers.log.ownership.group import GroupOwnership
from runfold.producers.log.ownership.port import Ownership
from runfold.producers.log.topics.partitions import deployed_partitions

_GROUP = "runfold-projector-owners"


@dataclass(frozen=True, slots=True)
class ProjectorSettings:
    """``listed`` are the partitions of this process: None is all, or those that a group gives.

    ``row_security`` says whether Postgres is to keep the rows of tenants apart,
    ``reads`` whether there is to be a table of who read what.
    """

    config: Config = field(repr=False)
    database_url: str = field(repr=False)
    listed: tuple[int, ...] | None
    by_group: bool
    membership: Membership
    row_security: bool = False
    reads: bool = False

    @classmethod
    def read(cls, config: Config, env: Mapping[str, str] | None = None) -> Self:
        """Read the environment; ConfigError says what to set."""
        listed = variables.PROJECTOR_PARTITIONS.read(env)
        return cls(
            config=config,
            database_url=config.need_database(),
            listed=listed,
            by_group=variables.OWNERSHIP.read(env) == "group" and listed is None,
            membership=Membership(_GROUP, EVENTS, config.group_protocol),
            row_security=isolation.ROW_SECURITY.read(env),
            reads=isolation.READS.read(env) != "off",
        )

    @property
    def again_s(self) -> float | None:
        """After how many seconds partitions are taken back that are still this process's own."""
        return self.membership.session_timeout_ms / 1000 if self.by_group else None

    def ownership(self) -> Ownership:
        """Return who says which partitions this process projects, as the log has them.

        Raises ConfigError for partitions that are not there, and KafkaAwayError.
        """
        if self.by_group:
            return GroupOwnership(self.config.kafka, self.membership)
        return FixedOwnership(_partitions(self.listed, deployed_partitions(self.config, EVENTS)))


def _partitions(listed: tuple[int, ...] | None, count: int) -> tuple[int, ...]:
    if listed is None:
        return tuple(range(count))
    if listed[-1] >= count:
        raise ConfigError(
            f"{variables.PROJECTOR_PARTITIONS.name} must list numbers from 0 to {count - 1}, "
            f"such as 0,1; not {listed[-1]}."
        )
    return listed
