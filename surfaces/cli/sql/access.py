"""How ``runfold sql`` reaches the tables: as the login that only reads, wherever there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from runfold.infra.database import reader, tenant_login
from runfold.infra.database.address import DEFAULT, in_schema, schema_in
from runfold.infra.database.connection import Session, plain

_CONNECT_S = 10


@dataclass(frozen=True, slots=True)
class Access:
    """An address to read with; ``alone`` says that its login may do nothing else."""

    url: str
    schema: str
    alone: bool


def access(database_url: str, tell: Callable[[str], None], tenant: str | None = None) -> Access:
    """Return how to read; ``tell`` hears where that is not by a login that only reads.

    With a tenant it is by the login of that tenant, whose rows alone it sees, and by no other:
    SeparationError says why there is none.
    """
    address = plain(database_url)
    schema = schema_in(address) or DEFAULT
    if tenant is not None:
        return Access(tenant_login.ensure(address, tenant), schema, alone=True)
    reading = reader.url(address)
    if reading is not None and reader.answers(reading):
        return Access(reading, schema, alone=True)
    why = reader.NO_PASSWORD if reading is None else "the server does not let it in"
    tell(
        f"Reading in the name of DATABASE_URL, in transactions that only read: there is no login "
        f"that only reads ({why})."
    )
    return Access(address, schema, alone=False)


@contextmanager
def session(how: Access) -> Iterator[Session]:
    """Yield a connection; raises psycopg.OperationalError where nobody answers."""
    with Session.to(in_schema(how.url, how.schema), _CONNECT_S) as made:
        yield made
