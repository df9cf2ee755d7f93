"""Pages of lists: a cursor says after which row to go on, and of which list it is.

It holds a place and no number of rows, so that what comes meanwhile neither repeats nor hides one.
It is opaque and not secret: the scope of the question bounds what it can show.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from runfold.surfaces.http.refusals.problems import Problem

MOST = 200
USUAL = 50


class Place(NamedTuple):
    """After which run a page begins."""

    created_at: datetime
    run_id: str


def cursor(place: Place, filters: Mapping[str, str]) -> str:
    """Return the cursor of what comes after a place, in the list with these filters."""
    micros = round(place.created_at.astimezone(UTC).timestamp() * 1_000_000)
    said = json.dumps([_list_of(filters), micros, place.run_id], separators=(",", ":"))
    return base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")


def place_of(text: str, filters: Mapping[str, str]) -> Place:
    """Return the place that a cursor names; raises Problem for one of another list."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        which, micros, run_id = json.loads(data)
        place = Place(datetime.fromtimestamp(int(micros) / 1_000_000, UTC), str(run_id))
    except (binascii.Error, ValueError, TypeError, OverflowError, OSError, RecursionError):
        raise _malformed() from None
    if which != _list_of(filters) or "\0" in place.run_id:
        raise _malformed()
    return place


def _list_of(filters: Mapping[str, str]) -> str:
    said = json.dumps(sorted(filters.items()))
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _malformed() -> Problem:
    return Problem("cursor_malformed", "This is no cursor of this list: use `next` as it came.")
