"""Versions of the API, by date: a request may name the one that it was written for.

Within a version routes, fields and codes are added, and none is taken away: a test compares the
document with the recorded one. What is to go is marked in the table of routes first, says so in
each of its answers, and goes with a new version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from email.utils import format_datetime

from starlette.requests import Request

from runfold.surfaces.http.refusals.problems import Problem

VERSIONS = ("2026-12-01",)
"""Every version that is served, the oldest first."""

VERSION = VERSIONS[-1]
"""The version of whoever names none."""

HEADER = "runfold-version"


@dataclass(frozen=True, slots=True)
class Deprecated:
    """A route that is to go: from when it should not be used, when it goes, what takes its place.

    ``instead`` is a path of the API.
    """

    since: date
    sunset: date
    instead: str | None = None


def asked_for(request: Request) -> str:
    """Return the version that a request was written for; raises Problem for one that is not."""
    given = request.headers.getlist(HEADER)
    if not given:
        return VERSION
    if len(given) > 1 or given[0].strip() not in VERSIONS:
        raise Problem(
            "unknown_version",
            f"This gateway serves the versions {', '.join(VERSIONS)} of the API: name one of them "
            "in Runfold-Version, or none.",
        )
    return given[0].strip()


def marks_of(deprecated: Deprecated | None) -> Mapping[str, str]:
    """Return the headers of a route's answers that say what is to become of it.

    ``Deprecation`` as RFC 9745 has it, ``Sunset`` as RFC 8594.
    """
    if deprecated is None:
        return {}
    since = datetime.combine(deprecated.since, time(), UTC)
    sunset = datetime.combine(deprecated.sunset, time(), UTC)
    said = {
        "deprecation": f"@{since.timestamp():.0f}",
        "sunset": format_datetime(sunset, usegmt=True),
    }
    if deprecated.instead is not None:
        said["link"] = f'<{deprecated.instead}>; rel="successor-version"'
    return said
