"""Where things are: the addresses that ``up`` and ``status`` show."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from runfold.infra.database import reader
from runfold.infra.database.connection import plain
from runfold.infra.settings.declared import variables
from runfold.infra.settings.errors import ConfigError
from runfold.stack import ports

_MONITOR = "monitor"
_GATEWAY = "gateway"
_HIDDEN = "***"
_GRANT = "GRANT the role whose name ends in _read to a login of yours"


def reading_url(database_url: str) -> tuple[str | None, str]:
    """Return the address of the login that only reads, or None and why there is none."""
    if not database_url:
        return None, "Postgres is not there yet"
    found = reader.url(database_url)
    if found is None:
        return None, reader.NO_PASSWORD
    if not reader.answers(found):
        return None, f"the server does not let in {conninfo_to_dict(found)['user']}; {_GRANT}"
    return found, ""


def monitor_url(home: Path) -> str | None:
    """Return the address of the monitor's page, None where it has not chosen one yet."""
    try:
        host, port = variables.MONITOR_HOST.read(), variables.MONITOR_PORT.read()
    except ConfigError:
        return None
    port = port or _remembered(home)
    return f"http://{host}:{port}/" if port else None


def gateway_url(home: Path) -> str | None:
    """Return where the gateway of this home last said that it serves, None where none did."""
    try:
        return (home / _GATEWAY / "url").read_text().strip()
    except OSError:
        return None


def development_key(home: Path) -> Path | None:
    """Return the file with the API key of this machine, None where there is none."""
    file = home / _GATEWAY / "development-key"
    return file if file.exists() else None


def choose_monitor_port(home: Path) -> None:
    """Choose the port of the monitor's page before it does, so that ``up`` can say it."""
    if _remembered(home):
        return
    # What cannot be written, the monitor says itself.
    with suppress(OSError):
        (home / _MONITOR).mkdir(parents=True, exist_ok=True)
        ports.claim(home / _MONITOR / "ports.json", (_MONITOR,))


def _remembered(home: Path) -> int | None:
    try:
        found = json.loads((home / _MONITOR / "ports.json").read_text())[_MONITOR]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, int) else None


def without_password(url: str) -> str:
    """Return an address as it may be shown, in either of the forms that libpq reads."""
    address = plain(url)
    given = {name: str(value) for name, value in conninfo_to_dict(address).items()}
    if "password" not in given:
        return url
    if "://" not in address:
        return make_conninfo("", **{**given, "password": _HIDDEN})
    parts = urlsplit(url)
    user, at, place = parts.netloc.rpartition("@")
    query = parse_qsl(parts.query, keep_blank_values=True)
    if any(name == "password" for name, _ in query):
        hidden = [(name, _HIDDEN if name == "password" else value) for name, value in query]
        parts = parts._replace(query=urlencode(hidden, safe="*"))
    name, colon, _ = user.partition(":")
    return parts._replace(netloc=f"{name}{colon and f':{_HIDDEN}'}{at}{place}").geturl()
