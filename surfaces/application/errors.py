"""What goes wrong with a use case, grouped by what its caller must do. Codes never change.

ApplicationError
├── RefusedError            refuse: change what was asked
│   ├── InvalidError            invalid     it can never be accepted as it is
│   ├── NotFoundError           not_found   there is no such thing, or not for this caller
│   ├── AmbiguousError          ambiguous   what was named is the beginning of several names
│   ├── RunEndedError           run_ended   the run has ended, nothing was changed
│   ├── ForbiddenError          forbidden   whoever asks may not, or is not known
│   ├── OtherRequestError       other_request   the key was used for another request
│   └── InDoubtError            in_doubt    nobody can know whether the request arrived
└── RetryError              retry: the same may succeed later
    ├── NotYetError             not_yet     what was waited for has not happened in the time given
    │   └── NoEffectYetError                a control is published, its effect was not seen in time
    ├── UnderWayError           under_way   somebody makes the same request now
    ├── ReplaysOpenError        replays_open    what was replayed has to be sent first
    └── UnavailableError        unavailable a server does not answer
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ApplicationError(Exception):
    """The root of what use cases raise; its text is one sentence that says what to do.

    One that came over HTTP has the ``code`` of its problem, the ``run_id`` that it is about, and
    the whole ``problem`` of RFC 9457.
    """

    code: str = "internal"
    run_id: str | None = None
    problem: Mapping[str, Any] | None = None

    @property
    def retryable(self) -> bool:
        """Whether the same may succeed later."""
        return isinstance(self, RetryError)


class RefusedError(ApplicationError):
    """It will not be done as it was asked."""


class InvalidError(RefusedError):
    """What was given can never be accepted as it is."""

    code = "invalid"


class NotFoundError(RefusedError):
    """There is no such thing, or none that this caller can see: the two are never told apart."""

    code = "not_found"


class AmbiguousError(RefusedError):
    """What was named is the beginning of several names."""

    code = "ambiguous"


class RunEndedError(RefusedError):
    """The run has ended already, and nothing was changed."""

    code = "run_ended"


class ForbiddenError(RefusedError):
    """Whoever asks may not do this, or nobody knows who asks."""

    code = "forbidden"


class OtherRequestError(RefusedError):
    """The key of the request was used for another one."""

    code = "other_request"


class InDoubtError(RefusedError):
    """The request was made before, and nobody can know whether it arrived."""

    code = "in_doubt"

    def __init__(self, sentence: str, run_id: str) -> None:
        super().__init__(sentence)
        self.run_id = run_id


class RetryError(ApplicationError):
    """The same may succeed later."""


class NotYetError(RetryError):
    """What was waited for has not happened in the time given."""

    code = "not_yet"


class NoEffectYetError(NotYetError):
    """A control is published, and its effect was not seen in the time given."""

    def __init__(self, sentence: str, request_id: str) -> None:
        super().__init__(sentence)
        self.request_id = request_id


class UnderWayError(RetryError):
    """Somebody makes the same request now."""

    code = "under_way"


class ReplaysOpenError(RetryError):
    """A tenant has as much open of replays as it may."""

    code = "replays_open"


class UnavailableError(RetryError):
    """A server does not answer."""

    code = "unavailable"


def no_run(run_id: str) -> NotFoundError:
    """Return the error of a run that is not there; one of another tenant is not there either."""
    return NotFoundError(
        f"Run {run_id} has no events: check the id, or whether the run processor runs "
        "(`runfold status`)."
    )
