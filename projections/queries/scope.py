"""Whose rows a question sees. There is no question without a scope, and no scope by default."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, or_, select, true

from runfold.events.probe import PROBE_AGENT, PROBE_PROVIDER, PROBE_TENANT
from runfold.projections.tables import costs

Row = dict[str, Any]

_LOG = logging.getLogger("runfold.views")


class Views:
    """The views, as one scope sees them; only its two kinds below can be made."""

    def __init__(self, connection: Connection) -> None:
        if type(self) is Views:
            raise TypeError("views are seen by a tenant or by an operator")
        self.connection = connection

    def sees(self, table: Table) -> ColumnElement[bool]:
        """Return the condition that every row of a table must meet to be seen."""
        raise NotImplementedError

    def counts(self, table: Table) -> ColumnElement[bool]:
        """Return the condition that a row is seen and is somebody's work: not Runfold's own probe.

        Lists and sums ask for it; what is asked for by its id is there all the same.
        """
        return self.sees(table)

    def one(self, query: Select[Any]) -> Row | None:
        """Return the first row of a query, None where it has none."""
        found = self.connection.execute(query).mappings().first()
        return None if found is None else dict(found)

    def all(self, query: Select[Any]) -> list[Row]:
        """Return the rows of a query."""
        found: Sequence[Any] = self.connection.execute(query).mappings().all()
        return [dict(row) for row in found]


class TenantViews(Views):
    """One tenant's rows: those of others are not there, whatever is asked for by its id."""

    def __init__(self, connection: Connection, tenant_id: str) -> None:
        super().__init__(connection)
        if not tenant_id:
            raise ValueError("a tenant's views need a tenant")
        self.tenant_id = tenant_id

    def sees(self, table: Table) -> ColumnElement[bool]:
        """Return that a row is the tenant's; raises KeyError for a table without tenants."""
        mine: ColumnElement[bool] = table.c.tenant_id == self.tenant_id
        return mine


class OperatorViews(Views):
    """Everybody's rows, for whoever runs the deployment; ``reason`` says why, and is logged."""

    def __init__(self, connection: Connection, reason: str) -> None:
        super().__init__(connection)
        if not reason:
            raise ValueError("an operator's views need a reason")
        self.reason = reason
        _LOG.info("an operator reads across tenants: %s", reason)

    def sees(self, table: Table) -> ColumnElement[bool]:  # noqa: ARG002 - it sees all of any
        """Return that every row is seen."""
        return true()

    def counts(self, table: Table) -> ColumnElement[bool]:
        """Return that a row is not of a probe: one of its tenant and agent that cost nothing.

        Names alone would hide whatever a stranger does in them; nobody gains by what is free.
        """
        others = or_(table.c.tenant_id != PROBE_TENANT, table.c.agent != PROBE_AGENT)
        if table is costs:
            return or_(others, _costs(costs))
        # With a limit it is asked of one run at a time, by an index; `exists` would read them all.
        paid = select(costs.c.run_id).where(costs.c.run_id == table.c.run_id, _costs(costs))
        unknown = paid.limit(1).scalar_subquery().is_not(None)
        return or_(others, table.c.cost_usd != 0, and_(table.c.unpriced_calls != 0, unknown))


def _costs(table: Table) -> ColumnElement[bool]:
    """Return that a call cost something, or that nobody knows: a script is free without a price."""
    unknown = and_(table.c.cost_usd.is_(None), table.c.provider.is_distinct_from(PROBE_PROVIDER))
    return or_(table.c.cost_usd != 0, unknown)
