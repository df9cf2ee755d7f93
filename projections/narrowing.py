"""A transaction that sees one tenant's rows, by the database's own rules."""

from __future__ import annotations

from sqlalchemy import Connection, text

from runfold.infra.database.address import quoted
from runfold.infra.database.separation import FUNCTION, SETTING, TENANT

_ROLE = text(
    "SELECT r.rolname FROM pg_roles AS r WHERE r.rolname = current_schema() || :ending"
    " AND pg_has_role(r.oid, 'MEMBER') AND to_regproc(:function) IS NOT NULL"
)
_SAY = text("SELECT set_config(:setting, :tenant, true)")


def narrow(connection: Connection, tenant_id: str) -> bool:
    """Let the transaction that is open see one tenant's rows alone; return whether it does.

    It does where Postgres keeps rows apart and this user may be in the tenants' role. Elsewhere the
    conditions of the questions do it alone.
    """
    found = connection.execute(_ROLE, {"ending": f"_{TENANT}", "function": FUNCTION}).scalar()
    if found is None:
        return False
    connection.execute(_SAY, {"setting": SETTING, "tenant": tenant_id})
    connection.exec_driver_sql(f"SET LOCAL ROLE {quoted(str(found))}")
    return True
