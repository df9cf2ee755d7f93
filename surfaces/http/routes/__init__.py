"""The table of routes: the server, its OpenAPI document and its tests are made from it."""

from __future__ import annotations

from runfold.surfaces.http.route import Route
from runfold.surfaces.http.routes import (
    about,
    approvals,
    artifacts,
    browsers,
    channels,
    controls,
    definitions,
    events,
    feedback,
    history,
    looking,
    releases,
    runs,
    standing_in,
    tenant_events,
    webhooks,
)

ROUTES: tuple[Route, ...] = (
    *runs.ROUTES,
    *events.ROUTES,
    *tenant_events.ROUTES,
    *controls.ROUTES,
    *standing_in.ROUTES,
    *approvals.ROUTES,
    *artifacts.ROUTES,
    *history.ROUTES,
    *feedback.ROUTES,
    *looking.ROUTES,
    *definitions.ROUTES,
    *releases.ROUTES,
    *channels.ROUTES,
    *webhooks.ROUTES,
    *browsers.ROUTES,
    *about.ROUTES,
)
"""Every route, in the order of the document."""
