"""What goes wrong below, as the errors that an application catches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from runfold.surfaces.application.errors import (
    ApplicationError,
    InvalidError,
    NotFoundError,
    NotYetError,
    UnavailableError,
)
from runfold.surfaces.application.faults import Code, fault_of

_ERRORS: dict[Code, type[ApplicationError]] = {
    Code.INVALID: InvalidError,
    Code.NOT_FOUND: NotFoundError,
    Code.NOT_YET: NotYetError,
    Code.UNAVAILABLE: UnavailableError,
}


@contextmanager
def as_ours() -> Iterator[None]:
    """Raise an expected failure as the ApplicationError of its code; others pass as they are."""
    try:
        yield
    except (ApplicationError, OSError):
        # An OSError is as likely the program's own: its files, its sockets.
        raise
    except Exception as error:
        fault = fault_of(error)
        kind = _ERRORS.get(fault.code)
        if kind is None:
            raise
        raise kind(fault.sentence) from error
