"""The address of the database, with the schema that holds Runfold's tables.

The schema travels in the address, as libpq's option ``search_path``: so psycopg, SQLAlchemy and
psql find the tables alike, and no statement has to name the schema. The driver is loaded when an
address is read: a module of tools imports this one, and needs no driver.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import LiteralString
from urllib.parse import quote

from runfold.infra.deployment.naming import Naming
from runfold.infra.settings.declared.variables import DATABASE_SCHEMA, DATABASE_URL, DEPLOYMENT_NAME
from runfold.infra.settings.errors import ConfigError

VARIABLE = DATABASE_SCHEMA.name
DEFAULT = DATABASE_SCHEMA.default

_OPTION = re.compile(r"(?:-c\s*|--)search_path=([^\s\\]+)")


class DatabaseAddressError(ConfigError):
    """The address of the database, or the name of its schema, cannot be used."""


def schema_name(env: Mapping[str, str]) -> str:
    """Return the schema that the environment names, or that follows from the deployment's name.

    Raises DatabaseAddressError for a bad name.
    """
    try:
        if DATABASE_SCHEMA.text(env):
            return DATABASE_SCHEMA.read(env)
        return Naming(DEPLOYMENT_NAME.read(env)).schema
    except ConfigError as error:
        raise DatabaseAddressError(str(error)) from error


def database_url(env: Mapping[str, str]) -> str:
    """Return the address that the environment names, with its schema; "" where there is none."""
    return in_schema(DATABASE_URL.read(env), schema_name(env))


def in_schema(address: str, schema: str) -> str:
    """Return an address with ``search_path`` set to a schema, unless it names one already.

    An empty address stays empty. Raises DatabaseAddressError where libpq cannot read it.
    """
    if not address or schema_in(address):
        return address
    option = f"-c search_path={schema}"
    given = _parsed(address).get("options")
    if "://" not in address:
        # Of a keyword that stands twice the last one counts.
        return f"{address} options='{given} {option}'" if given else f"{address} options='{option}'"
    both = quote(f"{given} {option}" if given else option)
    joined = "&" if "?" in address else "?"
    return f"{address}{joined}options={both}"


def schema_in(address: str) -> str | None:
    """Return the first schema of an address's ``search_path``, None where it has none."""
    found = _OPTION.findall(str(_parsed(address).get("options") or ""))
    return str(found[-1]).split(",")[0].strip('"') if found else None


def in_session(address: str) -> str:
    """Return an address without its ``search_path``: who connects sets it in each transaction.

    A pool of connections refuses options at the start of a session, or lets them fall in silence.
    """
    from psycopg.conninfo import make_conninfo  # noqa: PLC0415

    parsed = _parsed(address)
    options = _OPTION.sub("", str(parsed.pop("options", None) or "")).strip()
    if options:
        parsed["options"] = options
    return make_conninfo("", **{name: str(value) for name, value in parsed.items()})


def quoted(name: str) -> LiteralString:
    """Return a name of our own making as SQL writes an identifier."""
    from psycopg import sql  # noqa: PLC0415

    return sql.Identifier(name).as_string()


def _parsed(address: str) -> dict[str, object]:
    from psycopg import ProgrammingError  # noqa: PLC0415
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415

    try:
        return dict(conninfo_to_dict(address))
    except ProgrammingError as error:
        raise DatabaseAddressError(
            "DATABASE_URL cannot be read; it looks like postgresql://user:password@host/database."
        ) from error
