"""Expected failures as one sentence and an exit code; anything else is a bug and says so."""

from __future__ import annotations

import errno
import sys

from runfold.surfaces.cli import exits


class CliError(Exception):
    """What was asked cannot be done; the message is one sentence that says what to do."""

    def __init__(self, sentence: str, code: int) -> None:
        super().__init__(sentence)
        self.code = code


# By name, so that a command which never came near a module does not import it. The first that
# fits counts.
_EXPECTED: tuple[tuple[str, str, int], ...] = (
    ("runfold.surfaces.cli.faults", "CliError", exits.INTERNAL),
    ("runfold.surfaces.application.errors", "InvalidError", exits.BAD_INPUT),
    ("runfold.surfaces.application.errors", "RunEndedError", exits.NO),
    ("runfold.surfaces.application.errors", "RefusedError", exits.NOT_FOUND),
    ("runfold.surfaces.application.errors", "NotYetError", exits.TRY_AGAIN),
    ("runfold.surfaces.application.errors", "ApplicationError", exits.UNAVAILABLE),
    ("runfold.stack.errors", "StackError", exits.UNAVAILABLE),
    ("runfold.infra.settings.config", "ConfigError", exits.UNAVAILABLE),
    ("runfold.producers.errors", "RefusedError", exits.BAD_INPUT),
    ("runfold.producers.errors", "NotYetError", exits.TRY_AGAIN),
    ("runfold.producers.errors", "UnavailableError", exits.UNAVAILABLE),
    ("runfold.producers.errors", "LogError", exits.UNAVAILABLE),
    ("runfold.processors.definitions.source", "DefinitionStoreUnavailableError", exits.UNAVAILABLE),
    ("runfold.events.errors", "RegistryError", exits.UNAVAILABLE),
    ("runfold.events.errors", "EventsError", exits.BAD_INPUT),
    ("runfold.surfaces.costs.price_file", "PriceFileError", exits.BAD_INPUT),
    ("runfold.processors.monitor.rule_files", "RuleFileError", exits.BAD_INPUT),
    ("runfold.surfaces.manifests.problems", "InvalidManifestsError", exits.BAD_INPUT),
    ("runfold.projections.errors", "NotCaughtUp", exits.TRY_AGAIN),
    ("runfold.projections.errors", "UnknownView", exits.NOT_FOUND),
    ("runfold.projections.errors", "ProjectionError", exits.UNAVAILABLE),
)


def explained(error: Exception) -> tuple[str, int]:
    """Return the sentence to print for an error, and the exit code."""
    for module, name, code in _EXPECTED:
        kind = getattr(sys.modules.get(module), name, None)
        if kind is not None and isinstance(error, kind):
            return str(error), getattr(error, "code", code) if name == "CliError" else code
    if _is_of(error, "psycopg") or _is_of(error, "sqlalchemy"):
        return _database(error)
    if isinstance(error, OSError):
        return _system(error)
    what = f"{type(error).__name__}: {error}"
    more = "Set RUNFOLD_DEBUG=1 to see where it comes from."
    return f"This is a bug in Runfold: {what}. {more}", exits.INTERNAL


def _is_of(error: Exception, package: str) -> bool:
    return type(error).__module__.partition(".")[0] == package


def _database(error: Exception) -> tuple[str, int]:
    said = str(getattr(error, "orig", error)).strip().splitlines()
    first = said[0] if said else type(error).__name__
    if "does not exist" in first and "relation" in first:
        return (
            "The views do not exist yet: start the projector (`runfold up` does) and try again.",
            exits.UNAVAILABLE,
        )
    sentence = f"Postgres does not answer as it should ({first})"
    return f"{sentence}: see `runfold status`, or check DATABASE_URL.", exits.UNAVAILABLE


def _system(error: OSError) -> tuple[str, int]:
    place = f" ({error.filename})" if error.filename else ""
    if error.errno == errno.ENOSPC:
        return f"The disk is full{place}: make room and try again.", exits.IO_ERROR
    if isinstance(error, FileNotFoundError):
        return f"There is no such file{place}.", exits.NOT_FOUND
    return f"{error.strerror or error}{place}.", exits.IO_ERROR
