"""Explain a run: how it was after any of its events."""

from __future__ import annotations

from runfold.producers.client import RunClient
from runfold.surfaces.application import shapes
from runfold.surfaces.application.runs.follow import fold
from runfold.surfaces.application.scope import Scope


def state_at(
    client: RunClient, scope: Scope, run_id: str, at: int | None = None
) -> shapes.RunState:
    """Return a run as it was after event ``at``, or after its latest; raises NotFoundError."""
    state = fold(client, scope, run_id, at).state()
    assert state is not None
    return state
