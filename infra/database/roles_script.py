"""What an administrator says to Postgres so that each process has a login with its role alone."""

from __future__ import annotations

from collections.abc import Iterator

from runfold.infra.database.address import quoted
from runfold.infra.database.roles import DELIVERY, GATEWAY, PROJECTOR, READ, ROLES, TOOLS, role
from runfold.infra.database.separation import TENANT

LOGINS = {
    "owner": "makes the tables: the first projector, tool pool or gateway, `runfold rebuild`",
    "projector": PROJECTOR,
    "tools": TOOLS,
    "gateway": GATEWAY,
    "delivery": DELIVERY,
    "reader": READ,
}
"""The logins of a deployment, with what each is or does."""


def statements(schema: str) -> Iterator[str]:
    """Yield the statements, to be run once by an administrator, with passwords put in."""
    names = {each: role(schema, each) for each in (*ROLES, GATEWAY, DELIVERY, TENANT)}
    for name in names.values():
        yield f"CREATE ROLE {quoted(name)} NOLOGIN;"
    for login in LOGINS:
        yield f"CREATE ROLE {quoted(role(schema, f'login_{login}'))} LOGIN PASSWORD '...';"
    # It shows what is in the views, narrowed to one tenant in each of its transactions.
    for name in (READ, TENANT):
        yield f"GRANT {quoted(names[name])} TO {quoted(names[GATEWAY])};"
    owner = quoted(role(schema, "login_owner"))
    yield f"CREATE SCHEMA {quoted(schema)} AUTHORIZATION {owner};"
    for name in names.values():
        yield f"GRANT {quoted(name)} TO {owner} WITH ADMIN OPTION;"
    for login, member in LOGINS.items():
        if login != "owner":
            yield f"GRANT {quoted(names[member])} TO {quoted(role(schema, f'login_{login}'))};"
