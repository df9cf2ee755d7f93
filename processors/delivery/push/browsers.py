"""The browsers that persons have subscribed, in Postgres: each is one person's, of one tenant.

An endpoint and its keys are personal data, and stand in this table alone: on no topic, and in no
back-up. They go when the person removes them, when the push service says that they have ended, and
with the tenant.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from runfold.infra.database.connection import DURABLE, Session, transaction
from runfold.infra.http.push.target import Target

MOST: Final = 20
"""How many browsers a person has at most: the oldest makes room."""

_TIMEOUT = "statement_timeout = 30000"
_COLUMNS = "tenant_id, user_id, endpoint, p256dh, auth, public_key, label, created_at, last_ok_at"


class Browser(NamedTuple):
    """A person's browser; ``public_key`` is the sender's key that it was subscribed with."""

    tenant_id: str
    user_id: str
    target: Target
    public_key: str
    label: str
    created_at: datetime
    last_ok_at: datetime | None = None

    @property
    def id(self) -> str:
        """Its name within the tenant."""
        return self.target.id


def add(session: Session, browser: Browser) -> bool:
    """Keep a browser once it is durable, and return whether it is new for this person.

    One that another person of the tenant had is this person's now: whoever signed in last.
    """
    target = browser.target
    with transaction(session, _TIMEOUT):
        session.execute(DURABLE)
        mine = "SELECT 1 FROM push_browsers WHERE tenant_id = %s AND browser = %s AND user_id = %s"
        known = session.execute(mine, (browser.tenant_id, target.id, browser.user_id)).fetchone()
        session.execute(
            "INSERT INTO push_browsers (tenant_id, browser, user_id, endpoint, p256dh, auth,"
            " public_key, label, created_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (tenant_id, browser) DO UPDATE SET user_id = excluded.user_id,"
            " p256dh = excluded.p256dh, auth = excluded.auth, public_key = excluded.public_key,"
            " label = excluded.label, created_at = CASE WHEN push_browsers.user_id ="
            " excluded.user_id THEN push_browsers.created_at ELSE excluded.created_at END",
            (
                browser.tenant_id,
                target.id,
                browser.user_id,
                target.endpoint,
                target.p256dh,
                target.auth,
                browser.public_key,
                browser.label,
                browser.created_at,
            ),
        )
        session.execute(
            "DELETE FROM push_browsers WHERE tenant_id = %s AND browser IN (SELECT browser"
            " FROM push_browsers WHERE tenant_id = %s AND user_id = %s"
            " ORDER BY browser <> %s, created_at DESC OFFSET %s)",
            (browser.tenant_id, browser.tenant_id, browser.user_id, target.id, MOST),
        )
    return known is None


def of_person(session: Session, tenant_id: str, user_id: str) -> list[Browser]:
    """Return a person's browsers, the oldest first."""
    with transaction(session, _TIMEOUT):
        rows = session.execute(
            f"SELECT {_COLUMNS} FROM push_browsers WHERE tenant_id = %s AND user_id = %s"  # noqa: S608 - our own names
            ' ORDER BY created_at, browser COLLATE "C"'.encode(),
            (tenant_id, user_id),
        ).fetchall()
    return [
        Browser(row[0], row[1], Target(row[2], bytes(row[3]), bytes(row[4])), *row[5:9])
        for row in rows
    ]


def remove(session: Session, tenant_id: str, user_id: str, browser: str | None = None) -> int:
    """Forget a person's browser, or all of theirs, durably; return how many."""
    with transaction(session, _TIMEOUT):
        session.execute(DURABLE)
        return session.execute(
            "DELETE FROM push_browsers WHERE tenant_id = %s AND user_id = %s"
            " AND (%s::text IS NULL OR browser = %s)",
            (tenant_id, user_id, browser, browser),
        ).rowcount


def ended(session: Session, browser: Browser) -> None:
    """Forget a browser of which the push service says that it has ended."""
    with transaction(session, _TIMEOUT):
        session.execute(
            "DELETE FROM push_browsers WHERE tenant_id = %s AND browser = %s",
            (browser.tenant_id, browser.id),
        )


def worked(session: Session, browser: Browser, at: datetime) -> None:
    """Note that a push service took something for a browser."""
    with transaction(session, _TIMEOUT):
        session.execute(
            "UPDATE push_browsers SET last_ok_at = %s WHERE tenant_id = %s AND browser = %s",
            (at, browser.tenant_id, browser.id),
        )
