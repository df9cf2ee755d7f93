"""Expected failures as one sentence and an exit code; anything else is a bug and says so."""

from __future__ import annotations

from runfold.surfaces.application.faults import Code, fault_of
from runfold.surfaces.cli import exits


class CliError(Exception):
    """What was asked cannot be done; the message is one sentence that says what to do."""

    def __init__(self, sentence: str, code: int) -> None:
        super().__init__(sentence)
        self.code = code


EXITS: dict[Code, int] = {
    Code.USAGE: exits.USAGE,
    Code.INVALID: exits.BAD_INPUT,
    Code.NOT_FOUND: exits.NOT_FOUND,
    Code.AMBIGUOUS: exits.NOT_FOUND,
    Code.RUN_ENDED: exits.NO,
    Code.OTHER_REQUEST: exits.BAD_INPUT,
    Code.IN_DOUBT: exits.TRY_AGAIN,
    Code.UNDER_WAY: exits.TRY_AGAIN,
    Code.NOT_YET: exits.TRY_AGAIN,
    Code.REPLAYS_OPEN: exits.TRY_AGAIN,
    Code.UNAVAILABLE: exits.UNAVAILABLE,
    Code.STORAGE: exits.IO_ERROR,
    Code.INTERNAL: exits.INTERNAL,
}
"""The exit code of each kind of failure."""


def explained(error: Exception) -> tuple[str, int]:
    """Return the sentence to print for an error, and the exit code."""
    if isinstance(error, CliError):
        return str(error), error.code
    fault = fault_of(error)
    return fault.sentence, EXITS[fault.code]
