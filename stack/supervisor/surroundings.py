"""What members are started with: the environment of whoever asked for it, and the addresses."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from runfold.infra.secrets.taking import take
from runfold.infra.settings.recorded import Recorded, recorded
from runfold.stack.home import Home
from runfold.stack.settings import Settings
from runfold.stack.supervisor.plan import Process
from runfold.stack.supervisor.python_program import PythonProgram

SERVER = Process("", (), readers=("runfold up",))
"""What a server reads of the settings."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Settings with the addresses of the servers; ``key`` is that of the record of settings."""

    settings: Settings
    environment: Mapping[str, str]
    secrets: Mapping[str, str] = field(repr=False)
    key: str = field(repr=False)
    _given: Settings | None = None

    @classmethod
    def own(cls, settings: Settings, secrets: Mapping[str, str], key: str) -> Surroundings:
        """Return those of this process, whose secrets were taken out of its environment."""
        return cls(settings, dict(os.environ), secrets, key, settings)

    def of(self, environment: Mapping[str, str]) -> Surroundings:
        """Return those of another environment, with the servers of these.

        Raises StackError where its settings cannot be meant.
        """
        rest = dict(environment)
        given = Settings.from_env(environment)
        taken = take(rest)
        here = self.settings
        there = replace(given, home=here.home, partitions=here.partitions)
        there = replace(there, bootstrap_servers=here.bootstrap_servers)
        there = replace(there, database_url=here.database_url)
        there = replace(there, database_schema=here.database_schema, deployment=here.deployment)
        return Surroundings(there, rest, taken.values, self.key, given)

    def at(self, bootstrap_servers: str, database_url: str) -> Surroundings:
        """Return the same with the addresses of servers that were started."""
        return replace(self, settings=self.settings.at(bootstrap_servers, database_url))

    def program(self, process: Process, home: Home) -> PythonProgram:
        """Return a process of Runfold in these surroundings."""
        return PythonProgram(process, self.settings, home, self.secrets, self.environment)

    def recorded(self, process: Process) -> Recorded:
        """Return the settings of a process as they can be compared later."""
        given = (self._given or self.settings).to_env()
        env = {**self.environment, **self.secrets, **given}
        return recorded(env, self.key, frozenset(process.readers), calls=process.calls)
