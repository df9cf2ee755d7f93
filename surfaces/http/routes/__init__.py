"""The table of routes: the server, its OpenAPI document and its tests are made from it."""

from __future__ import annotations

from runfold.surfaces.http.route import Route
from runfold.surfaces.http.routes import (
    about,
    approvals,
    controls,
    definitions,
    events,
    looking,
    runs,
    standing_in,
    webhooks,
)

ROUTES: tuple[Route, ...] = (
    *runs.ROUTES,
    *events.ROUTES,
    *controls.ROUTES,
    *standing_in.ROUTES,
    *approvals.ROUTES,
    *looking.ROUTES,
    *definitions.ROUTES,
    *webhooks.ROUTES,
    *about.ROUTES,
)
"""Every route, in the order of the document."""
