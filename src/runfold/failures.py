"""What goes wrong below, as the errors that an application catches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from runfold.events.errors import EventsError, RegistryError
from runfold.producers import errors as log
from runfold.stack.errors import StackError
from runfold.surfaces.application.errors import InvalidError, NotYetError, UnavailableError


@contextmanager
def as_ours() -> Iterator[None]:
    """Raise what the log, the codec and the stack raise as InvalidError or as a RetryError."""
    try:
        yield
    except (log.RefusedError, EventsError) as error:
        if isinstance(error, RegistryError):
            raise UnavailableError(str(error)) from error
        raise InvalidError(str(error)) from error
    except log.NotYetError as error:
        raise NotYetError(str(error)) from error
    except (log.LogError, StackError) as error:
        raise UnavailableError(str(error)) from error
