"""Steer a live run and return the effect: a control is sent once its run is known to live."""

from __future__ import annotations

from collections.abc import Callable

from runfold.events.catalogue import TERMINAL_FACTS
from runfold.events.errors import EventsError
from runfold.events.run import Event
from runfold.producers.client import RunClient
from runfold.producers.client.deciding import shown_in
from runfold.producers.errors import LogError
from runfold.producers.follow.hub import AsyncFollowing, Following
from runfold.surfaces.application import shapes
from runfold.surfaces.application.errors import (
    NoEffectYetError,
    NotYetError,
    RunEndedError,
    no_run,
)
from runfold.surfaces.application.rendering import outcome_of
from runfold.surfaces.application.scope import Scope

WITHIN_S = 15.0
"""How long an effect is waited for unless the caller says otherwise."""

READ_WITHIN_S = 30.0
"""How long reading a run's history may take before a control is sent."""


def steer(
    client: RunClient,
    scope: Scope,
    run_id: str,
    send: Callable[[RunClient], str],
    within: float = WITHIN_S,
) -> shapes.ControlOutcome:
    """Send a control, and return the first event that it led to.

    What was sent stands: where the journal cannot be read after it, that is no other error.
    ``send`` is given a client in the name of the run's tenant, whose decisions carry the digest of
    what is open, and returns the request's id.
    Raises NotFoundError for a run that is not there, RunEndedError for one that has ended, and
    NotYetError (NoEffectYetError once it was sent) where the journal says nothing of it within so
    many seconds.
    """
    with client.hubs.events.following(run_id, timeout=READ_WITHIN_S) as following:
        past = following.past()
        tenant_id = must_live(following, past, scope, run_id)
        request_id = send(client.in_name_of(tenant_id, seen=shown_in(past)))
        following.extend(within)
        last: Event | None = None
        try:
            for event in following.coming():
                if is_effect(event, request_id):
                    return outcome_of(event)
                last = event
        except (EventsError, LogError) as error:
            raise unknown_effect(error, request_id) from error
    raise no_effect(last, within, request_id)


def must_live(
    following: Following | AsyncFollowing, past: list[Event], scope: Scope, run_id: str
) -> str:
    """Return the tenant of a run that is live; raises what steer raises of one that is not."""
    if not following.caught_up:
        raise NotYetError("The journal could not be read in time: check that Kafka runs.")
    if not past or not scope.sees(following.tenant_id):
        raise no_run(run_id)
    if following.ended:
        raise has_ended(past[-1])
    return past[-1].meta.tenant_id


def is_effect(event: Event, request_id: str) -> bool:
    """Return whether an event was caused by this request."""
    return getattr(event.fact, "request_id", None) == request_id


def no_effect(
    last: Event | None, within: float, request_id: str
) -> RunEndedError | NoEffectYetError:
    """Return why a control has no effect, given the last event that came after it."""
    if last is not None and isinstance(last.fact, TERMINAL_FACTS):
        return has_ended(last)
    return NoEffectYetError(
        f"The request is published, but nothing of it is on the journal after {within:g} s: see "
        "`runfold status` and `runfold deadletters`.",
        request_id,
    )


def unknown_effect(error: Exception, request_id: str) -> NoEffectYetError:
    """Return what is true of a control that was sent, when the journal cannot be read after it."""
    return NoEffectYetError(
        f"The request is published, and what follows from it cannot be read now ({error}): look at "
        "the run before you send it again.",
        request_id,
    )


def has_ended(last: Event) -> RunEndedError:
    """Return the error of a run that has ended."""
    return RunEndedError(
        f"Run {last.meta.run_id} has ended already, as {last.meta.status.value}: nothing changed."
    )
