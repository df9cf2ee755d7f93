"""A login that only reads, for people and their programs: made beside the tables, without a file.

Its password is derived from that of DATABASE_URL, slowly: whoever may write can say how others may
read, on any machine, and nobody has to keep another secret. A new password of DATABASE_URL gives
the login a new one at the next start of a projector.
"""

from __future__ import annotations

import base64
import hashlib
import logging
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import psycopg
from psycopg import Connection, errors, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from runfold.infra.database import layout, roles
from runfold.infra.database.address import DEFAULT, schema_in
from runfold.infra.database.connection import Session, plain, transaction
from runfold.infra.database.roles import READ, role

_log = logging.getLogger("runfold.infra.database")

_LONGEST_NAME: Final = 63  # bytes of a name in Postgres
CONNECT_S: Final = 3
_OURS = ("user", "password", "options")

NO_PASSWORD = "DATABASE_URL has no password to derive its own from"  # noqa: S105 - a sentence


def login(schema: str, database: str) -> str:
    """Return the login's name; a server may hold several databases, and a database schemas."""
    name = f"{schema}_reader" if database == schema else f"{database}_{schema}_reader"
    if len(name.encode()) <= _LONGEST_NAME:
        return name
    return f"runfold_reader_{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def url(address: str) -> str | None:
    """Return the address of the login that only reads; None where there is no password to derive.

    Nothing is asked of a server: ``answers`` says whether the login is there.
    """
    address = plain(address)
    database = str(conninfo_to_dict(address).get("dbname") or "")
    schema = schema_in(address) or DEFAULT
    return address_of(address, login(schema, database), f"runfold reads {schema} in {database}")


def address_of(address: str, name: str, salt: str) -> str | None:
    """Return the address of a login whose password is derived with a salt from that of another.

    None where there is no password to derive from, or no database is named.
    """
    given = conninfo_to_dict(address)
    password, database = str(given.get("password") or ""), str(given.get("dbname") or "")
    if not password or not database:
        return None
    derived = _derived(password, salt)
    if "://" not in address:
        rest = {key: str(value) for key, value in given.items() if key not in _OURS}
        return make_conninfo("", **rest, user=name, password=derived)
    parts = urlsplit(address)
    more = [(key, value) for key, value in parse_qsl(parts.query) if key not in _OURS]
    place = parts.netloc.rpartition("@")[2]
    return parts._replace(
        netloc=f"{quote(name, safe='')}:{derived}@{place}", query=urlencode(more)
    ).geturl()


def answers(reading: str) -> bool:
    """Whether the server lets the login in."""
    try:
        psycopg.connect(reading, connect_timeout=CONNECT_S).close()
    except psycopg.OperationalError:
        return False
    return True


def ensure(address: str) -> str | None:
    """Make the login where it is missing or has another password; return why that cannot be.

    Any number of processes may call it. The tables work without: the log says once why not.
    """
    reading = url(address)
    why = NO_PASSWORD if reading is None else None if answers(reading) else _ensure(address)
    if why is not None:
        _log.info("no login that only reads was made: %s", why)
    return why


def _ensure(address: str) -> str | None:
    reading = url(address)
    assert reading is not None
    wanted = conninfo_to_dict(reading)
    name = str(wanted["user"])
    with Session.to(address) as session:
        try:
            with transaction(session):
                session.execute("SELECT pg_advisory_xact_lock(%s)", (layout.LOCK,))
                schema = layout.schema_of(session)
                if not roles.exists(session, role(schema, READ)):
                    return f"there is no role {role(schema, READ)}, and this user may make none"
                if not _is_ours(session, name, role(schema, READ)):
                    return f"the role {name} is somebody else's"
                make_login(session, name, str(wanted["password"]), role(schema, READ))
        except errors.InsufficientPrivilege:
            return f"this user may not make the role {name}"
    return None


def _is_ours(session: Connection, name: str, read: str) -> bool:
    """Whether a name is free, or is that of a login that only reads."""
    row = session.execute(
        "SELECT NOT r.rolsuper AND EXISTS (SELECT FROM pg_auth_members AS m"
        " JOIN pg_roles AS g ON g.oid = m.roleid WHERE m.member = r.oid AND g.rolname = %s)"
        " FROM pg_roles AS r WHERE r.rolname = %s",
        (read, name),
    ).fetchone()
    return row is None or bool(row[0])


def make_login(session: Connection, name: str, password: str, member: str) -> None:
    """Make a login, or change its password: a member of one role, in whose transactions it reads.

    The caller has a transaction of ours open.
    """
    row = session.execute("SELECT current_database()").fetchone()
    schema = layout.schema_of(session)
    who, where = sql.Identifier(name), sql.Identifier(str(row[0]) if row else "")
    if not roles.exists(session, name):
        roles.make(session, name)
    # What the server keeps, and may log, is not the password.
    secret = session.pgconn.encrypt_password(
        password.encode(), name.encode(), b"scram-sha-256"
    ).decode()
    for statement, values in (
        ("ALTER ROLE {} LOGIN PASSWORD {}", (who, sql.Literal(secret))),
        ("GRANT {} TO {}", (sql.Identifier(member), who)),
        ("ALTER ROLE {} IN DATABASE {} SET search_path = {}", (who, where, sql.Identifier(schema))),
        ("ALTER ROLE {} IN DATABASE {} SET default_transaction_read_only = on", (who, where)),
    ):
        session.execute(sql.SQL(statement).format(*values))


def _derived(password: str, salt: str) -> str:
    found = hashlib.scrypt(password.encode(), salt=salt.encode(), n=2**14, r=8, p=1, dklen=24)
    return base64.urlsafe_b64encode(found).decode()
