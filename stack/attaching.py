"""Finding the stack that runs: what a command needs of it, which starts and ends nothing.

It loads neither the supervisor nor a client of a server, since every command begins with it.
"""

from __future__ import annotations

from dataclasses import replace

from runfold.infra.database.address import schema_in
from runfold.infra.deployment.naming import Naming
from runfold.infra.settings.declared import variables
from runfold.stack.errors import StackError
from runfold.stack.home import Home
from runfold.stack.settings import Settings
from runfold.stack.supervisor import state


def status(settings: Settings) -> state.State | None:
    """Return what the supervisor of this home says, or None where none runs."""
    known = state.read(Home(settings.home).run / "state.json")
    return known if known is not None and known.is_alive else None


def attach(settings: Settings) -> Settings:
    """Return the settings with the addresses of the stack that runs, unless they have both."""
    if settings.bootstrap_servers and settings.database_url:
        return settings
    known = status(settings)
    if known is None or not known.bootstrap_servers or not known.database_url:
        needs = "the tables in Postgres are needed" if settings.bootstrap_servers else ""
        raise StackError(_absent(needs, "KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL"))
    if settings.bootstrap_servers not in ("", known.bootstrap_servers):
        # Tables of one log beside the records of another would be wrong without a sign of it.
        raise StackError(
            "KAFKA_BOOTSTRAP_SERVERS names another Kafka than that of the stack that runs here: "
            "set DATABASE_URL as well, or neither."
        )
    return at(settings, known)


def attach_log(settings: Settings) -> Settings:
    """Return the settings with an address of Kafka; who only writes and reads the log needs no
    Postgres.
    """
    if settings.bootstrap_servers:
        return settings
    known = status(settings)
    if known is None or not known.bootstrap_servers:
        raise StackError(_absent("", "KAFKA_BOOTSTRAP_SERVERS"))
    return at(settings, known)


def _absent(needs: str, variables: str) -> str:
    because = f", and {needs}" if needs else ""
    return f"Nothing runs here{because}: start it with `runfold up`, or set {variables}."


def at(settings: Settings, known: state.State) -> Settings:
    """Return the settings with the addresses, the name, the schema and the partitions of a stack.

    Raises StackError where the settings name another deployment.
    """
    if settings.deployment not in {"", known.deployment}:
        name = variables.DEPLOYMENT_NAME.name
        runs = f"the {Naming(known.deployment).said}"
        raise StackError(
            f"What runs here is {runs}, and {name} says {settings.deployment}: "
            f"{f'set {name}={known.deployment}' if known.deployment else f'unset {name}'}, or name "
            "the home of the other one (RUNFOLD_HOME)."
        )
    there = settings.at(known.bootstrap_servers, known.database_url)
    schema = schema_in(known.database_url) if known.database_url else None
    return replace(
        there,
        partitions=known.partitions,
        deployment=known.deployment,
        database_schema=schema or there.database_schema,
    )
