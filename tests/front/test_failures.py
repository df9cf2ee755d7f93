"""An application catches one tree of errors, with the sentences that every surface has."""

from __future__ import annotations

import pytest
import sqlalchemy.exc

import runfold
from runfold.events.errors import EventsError, RegistryError
from runfold.failures import as_ours
from runfold.processors.definitions.source import DefinitionStoreUnavailableError
from runfold.producers import errors as log
from runfold.projections.errors import UnknownView
from runfold.stack.errors import StackError
from runfold.surfaces.application.errors import ApplicationError
from runfold.surfaces.application.faults import fault_of


@pytest.mark.parametrize(
    ("raised", "caught"),
    [
        (log.RefusedError("too large"), runfold.InvalidError),
        (EventsError("no such field"), runfold.InvalidError),
        (RegistryError("away"), runfold.UnavailableError),
        (log.NotYetError("not in time"), runfold.NotYetError),
        (log.UnavailableError("away"), runfold.UnavailableError),
        (StackError("nothing runs"), runfold.UnavailableError),
        (DefinitionStoreUnavailableError("away"), runfold.UnavailableError),
        (UnknownView("no view x"), runfold.NotFoundError),
        (sqlalchemy.exc.DBAPIError("SELECT 1", None, Exception("refused")),
         runfold.UnavailableError),
    ],
)  # fmt: skip
def test_what_goes_wrong_below_is_one_of_ours(
    raised: Exception, caught: type[ApplicationError]
) -> None:
    with pytest.raises(caught) as found, as_ours():
        raise raised
    assert str(found.value) == fault_of(raised).sentence
    assert found.value.__cause__ is raised


@pytest.mark.parametrize(
    "raised",
    [
        runfold.RunEndedError("it has ended"),
        KeyError("a bug"),
        FileNotFoundError("the program's own file"),
        TimeoutError("the program's own patience"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_is_ours_already_or_not_expected_passes_as_it_is(raised: Exception) -> None:
    with pytest.raises(type(raised)) as found, as_ours():
        raise raised
    assert found.value is raised
