"""Erasing a tenant: its keys are destroyed, and what is kept beside the log goes with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from runfold.infra.artifacts.errors import ArtifactError
from runfold.infra.artifacts.port import ErasableArtifacts
from runfold.projections.queries.operating import live_runs
from runfold.projections.queries.scope import TenantViews
from runfold.surfaces.application.errors import InvalidError
from runfold.surfaces.application.governing.sealing import Keeping

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Step:
    """A part of an erasure: what was done, or, with ``left``, what remains to be done and why."""

    what: str
    done: str = ""
    left: str = ""


@dataclass(frozen=True, slots=True)
class Beside:
    """What holds contents beside the log: the database, the artifacts, the views to fold again.

    ``rebuild`` folds a view of that name again and returns how many rows were put right.
    """

    connect: Callable[[], Any]
    artifacts: ErasableArtifacts
    views: Sequence[str]
    rebuild: Callable[[str], int]


def need_no_objection(keeping: Keeping, tenant: str, connection: Connection) -> None:
    """Raise InvalidError where a tenant may not be erased now: held, never sealed, or with runs."""
    keeping.need_no_hold(tenant)
    known = keeping.known()
    if tenant not in known.sealed():
        raise InvalidError(
            f"Tenant {tenant} was never sealed: its contents are in plain on the log, and nothing "
            f"can take them off it. `runfold tenant seal {tenant}` seals what comes from now on."
        )
    live = live_runs(TenantViews(connection, tenant))
    if live:
        shown = ", ".join(live[:_SHOWN]) + (" …" if len(live) > _SHOWN else "")
        raise InvalidError(
            f"{len(live)} runs of tenant {tenant} have not ended ({shown}): cancel them first."
        )


def erase(keeping: Keeping, tenant: str, beside: Beside) -> Iterator[Step]:
    """Erase a tenant, and yield each step when it is done; may be done again for what is left.

    ``need_no_objection`` was asked before. The keys come first: from then on nothing on the log, in
    a back-up of it, among the artifacts or the claims can be read.
    """
    done = keeping.erase(tenant)
    yield Step("keys", f"{len(done.keys)} destroyed, {done.new} seals what comes now", done.left)
    yield _artifacts(beside, tenant)
    yield _rows(beside, tenant, "claims", "tool_claims")
    # They hold addresses and credentials that the tenant gave, in plain.
    yield _rows(beside, tenant, "pushes", "push_configs")
    yield _rows(beside, tenant, "browsers", "push_browsers")
    yield rebuilt(beside)


def rebuilt(beside: Beside) -> Step:
    """Fold every view again, so that it shows that contents are gone."""
    changed, left = 0, ""
    for name in beside.views:
        try:
            changed += beside.rebuild(name)
        except Exception as error:  # noqa: BLE001 - the others are to be cleaned all the same
            left = f"{name}: {error} Run `runfold rebuild {name}`."
    return Step("views", f"{changed} rows cleaned", left)


def _artifacts(beside: Beside, tenant: str) -> Step:
    try:
        return Step("artifacts", f"{beside.artifacts.drop(tenant)} deleted")
    except ArtifactError as error:
        return Step("artifacts", left=str(error))


def _rows(beside: Beside, tenant: str, what: str, table: str) -> Step:
    """Delete a tenant's rows of a table: no run of it is left that could ask for them."""
    there = text(f"SELECT to_regclass('{table}') IS NOT NULL")
    delete = text(f"DELETE FROM {table} WHERE tenant_id = :tenant")  # noqa: S608 - our own names
    try:
        with beside.connect() as connection:
            if not connection.execute(there).scalar():
                return Step(what, "none")
            found = connection.execute(delete, {"tenant": tenant}).rowcount
            connection.commit()
    except DBAPIError as error:
        return Step(what, left=f"{type(error.orig).__name__}: {error.orig}")
    return Step(what, f"{found} deleted")
