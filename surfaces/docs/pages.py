"""Which pages are generated, and from what; docs/tables.md has a generator beside its tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from runfold.surfaces.docs import (
    cli,
    clients,
    events,
    exit_codes,
    features,
    metrics,
    secured,
    settings,
    topics,
)
from runfold.surfaces.http.documents import asyncapi, openapi
from runfold.surfaces.http.documents.lines import lined
from runfold.surfaces.http.refusals import problem_page
from runfold.surfaces.http.routes import ROUTES
from runfold.surfaces.manifests.reference import rewritten

ROOT = Path(__file__).resolve().parents[2]


def openapi_text() -> str:
    """Return the document of the HTTP API, which clients are generated from."""
    return lined(openapi.document(ROUTES))


PAGES: dict[str, Callable[[], str]] = {
    "docs/events.md": events.page,
    "docs/topics.md": topics.page,
    "docs/cli.md": cli.page,
    "docs/clients.md": clients.page,
    "docs/exit-codes.md": exit_codes.page,
    "docs/metrics.md": metrics.page,
    "docs/secured.md": secured.page,
    "docs/settings.md": settings.page,
    "docs/problems.md": problem_page.page,
    "docs/asyncapi.json": asyncapi.text,
    "docs/openapi.json": openapi_text,
    "docs/definitions.md": lambda: rewritten((ROOT / "docs/definitions.md").read_text("utf-8")),
    "docs/webhooks.md": lambda: rewritten((ROOT / "docs/webhooks.md").read_text("utf-8")),
    "docs/features.md": lambda: features.page(features.load(ROOT)),
}
"""Each page's path in the repository, and what makes its text."""


def write() -> tuple[str, ...]:
    """Write every page that differs and return their paths."""
    stale = outdated()
    for name in stale:
        (ROOT / name).write_text(PAGES[name](), encoding="utf-8")
    return stale


def outdated() -> tuple[str, ...]:
    """Return the paths of the pages that are not what the code says."""
    return tuple(name for name, made in PAGES.items() if _there(name) != made())


def _there(name: str) -> str | None:
    file = ROOT / name
    return file.read_text(encoding="utf-8") if file.exists() else None
