"""What goes wrong with a use case, grouped by what its caller must do. Codes never change.

ApplicationError
├── RefusedError            refuse: change what was asked
│   ├── InvalidError            invalid     it can never be accepted as it is
│   ├── NotFoundError           not_found   there is no such thing, or not for this caller
│   ├── AmbiguousError          ambiguous   what was named is the beginning of several names
│   └── RunEndedError           run_ended   the run has ended, nothing was changed
└── RetryError              retry: the same may succeed later
    ├── NotYetError             not_yet     what was waited for has not happened in the time given
    └── UnavailableError        unavailable a server does not answer
"""

from __future__ import annotations

from typing import ClassVar


class ApplicationError(Exception):
    """The root of what use cases raise; its text is one sentence that says what to do."""

    code: ClassVar[str] = "internal"


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


class RetryError(ApplicationError):
    """The same may succeed later."""


class NotYetError(RetryError):
    """What was waited for has not happened in the time given."""

    code = "not_yet"


class UnavailableError(RetryError):
    """A server does not answer."""

    code = "unavailable"


def no_run(run_id: str) -> NotFoundError:
    """Return the error of a run that is not there; one of another tenant is not there either."""
    return NotFoundError(
        f"Run {run_id} has no events: check the id, or whether the run processor runs "
        "(`runfold status`)."
    )
