"""The login of one tenant, whose rows alone it sees, whatever it asks: made when first used.

Its password is derived from that of DATABASE_URL, as that of the login that reads everything.
"""

from __future__ import annotations

import hashlib

import psycopg
from psycopg import Connection, errors, sql
from psycopg.conninfo import conninfo_to_dict

from runfold.infra.database import layout, reader, roles, separation
from runfold.infra.database.address import DEFAULT, quoted, schema_in
from runfold.infra.database.connection import Session, plain, transaction
from runfold.infra.database.errors import SeparationError
from runfold.infra.database.roles import role
from runfold.infra.database.separation import FUNCTION, LOGIN, LOGINS, TENANT


def login(schema: str, database: str, tenant: str) -> str:
    """Return the name of a tenant's login; it says nothing of the tenant."""
    digest = hashlib.sha256(f"{database}\0{schema}\0{tenant}".encode()).hexdigest()[:20]
    return f"{LOGIN}{digest}"


def ensure(address: str, tenant: str) -> str:
    """Return the address of a tenant's login, which is there.

    Raises SeparationError with what to do where rows are not kept apart, or this user may not make
    the login.
    """
    if not tenant or "\0" in tenant:
        raise SeparationError("Say which tenant: its id has at least one character, and no NUL.")
    address = plain(address)
    schema = schema_in(address) or DEFAULT
    database = str(conninfo_to_dict(address).get("dbname") or "")
    name = login(schema, database, tenant)
    reading = reader.address_of(address, name, f"runfold reads {schema} in {database} of {tenant}")
    if reading is None:
        raise SeparationError(f"There is no login for the tenant: {reader.NO_PASSWORD}.")
    if not _is_there(reading, schema, tenant):
        _make(address, name, str(conninfo_to_dict(reading)["password"]), tenant)
    return reading


def _is_there(reading: str, schema: str, tenant: str) -> bool:
    """Whether the server lets the login in, and this database knows whose it is.

    A login outlives the database that it was made for, as in one that was restored.
    """
    ask = f"SELECT {quoted(schema)}.{FUNCTION}()"
    try:
        with psycopg.connect(reading, connect_timeout=reader.CONNECT_S) as connection:
            row = connection.execute(ask.encode()).fetchone()
    except (psycopg.OperationalError, psycopg.ProgrammingError):
        return False
    return row is not None and row[0] == tenant


def _make(address: str, name: str, password: str, tenant: str) -> None:
    with Session.to(address) as session:
        try:
            with transaction(session):
                session.execute("SELECT pg_advisory_xact_lock(%s)", (layout.LOCK,))
                schema = layout.schema_of(session)
                member = role(schema, TENANT)
                if not separation.is_on(session, schema):
                    raise SeparationError(
                        "The rows of tenants are not kept apart here: set RUNFOLD_ROW_SECURITY=1 "
                        "for the projector, and start it."
                    )
                _need_ours(session, name, member)
                reader.make_login(session, name, password, member)
                session.execute(
                    sql.SQL(
                        "INSERT INTO {} (login, tenant_id) VALUES (%s, %s)"
                        " ON CONFLICT (login) DO UPDATE SET tenant_id = excluded.tenant_id"
                    ).format(sql.Identifier(schema, LOGINS)),
                    (name, tenant),
                )
        except errors.InsufficientPrivilege as error:
            why = str(error).partition("\n")[0]
            raise SeparationError(
                f"This user may not make the login of a tenant ({why}): ask in the name of the "
                "tables' owner, who may make roles."
            ) from error


def _need_ours(session: Connection, name: str, member: str) -> None:
    """See that a name is free, or is that of a login which is in the tenants' role alone."""
    if not roles.exists(session, name):
        return
    rows = session.execute(
        "SELECT g.rolname FROM pg_auth_members AS m JOIN pg_roles AS g ON g.oid = m.roleid"
        " JOIN pg_roles AS r ON r.oid = m.member WHERE r.rolname = %s",
        (name,),
    ).fetchall()
    if {str(found) for (found,) in rows} - {member}:
        raise SeparationError(
            f"The login {name} is in other roles than {member}, so it may see more than a tenant "
            "does: take it out of them."
        )
