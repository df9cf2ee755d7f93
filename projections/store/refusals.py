"""Which failures are about an event: it must be set aside, and the views go on."""

from __future__ import annotations

from runfold.infra.database.refusals import of_the_row
from runfold.projections.errors import FoldError


def cannot_take(error: BaseException) -> bool:
    """Whether an error is about the row itself, and would be the same at every attempt."""
    return isinstance(error, FoldError) or of_the_row(error)
