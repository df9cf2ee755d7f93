"""Use cases of web push: a person's own browsers, added, listed and removed."""

from __future__ import annotations

from runfold.infra.database.connection import Session
from runfold.processors.delivery import tables
from runfold.processors.delivery.push import browsers
from runfold.processors.delivery.push.browsers import Browser
from runfold.surfaces.application import shapes


def add(url: str, browser: Browser) -> tuple[shapes.PushBrowser, bool]:
    """Keep a browser, and return it, and whether it is new.

    Raises DeliveryTablesError where the table is missing and may not be made, errors of psycopg.
    """
    tables.ensure(url)
    with Session.to(url) as session:
        is_new = browsers.add(session, browser)
        known = browsers.of_person(session, browser.tenant_id, browser.user_id)
    kept = next((each for each in known if each.id == browser.id), browser)
    return _shown(kept), is_new


def listed(url: str, tenant_id: str, user_id: str) -> list[shapes.PushBrowser]:
    """Return a person's browsers, the oldest first; raises as ``add`` does."""
    tables.ensure(url)
    with Session.to(url) as session:
        return [_shown(each) for each in browsers.of_person(session, tenant_id, user_id)]


def removed(url: str, tenant_id: str, user_id: str, browser_id: str | None = None) -> int:
    """Forget a person's browser, or all of theirs; return how many. Raises as ``add`` does."""
    tables.ensure(url)
    with Session.to(url) as session:
        return browsers.remove(session, tenant_id, user_id, browser_id)


def _shown(browser: Browser) -> shapes.PushBrowser:
    return shapes.PushBrowser(
        browser_id=browser.id,
        label=browser.label,
        service=browser.target.service,
        created_at=browser.created_at,
        last_ok_at=browser.last_ok_at,
    )
