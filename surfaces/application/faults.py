"""Every expected failure as a fault: a stable code, one sentence, and whether to try again.

A surface maps codes to what its callers know: exit codes, HTTP statuses. Errors are named and not
imported, so that a program which never came near a module does not load it.
"""

from __future__ import annotations

import errno
import sys
from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """What went wrong, for programs; a code never changes its meaning."""

    USAGE = "usage"
    INVALID = "invalid"
    NOT_FOUND = "not_found"
    AMBIGUOUS = "ambiguous"
    RUN_ENDED = "run_ended"
    OTHER_REQUEST = "other_request"
    IN_DOUBT = "in_doubt"
    NOT_YET = "not_yet"
    UNDER_WAY = "under_way"
    REPLAYS_OPEN = "replays_open"
    UNAVAILABLE = "unavailable"
    STORAGE = "storage"
    INTERNAL = "internal"


RETRYABLE = frozenset({Code.NOT_YET, Code.UNDER_WAY, Code.REPLAYS_OPEN, Code.UNAVAILABLE})
"""Where the same may succeed later."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A failure that somebody can act on; ``sentence`` says what to do."""

    code: Code
    sentence: str

    @property
    def retryable(self) -> bool:
        """Whether the same may succeed later."""
        return self.code in RETRYABLE


# The first that fits counts.
_EXPECTED: tuple[tuple[str, str, Code], ...] = (
    ("runfold.stack.errors", "StackError", Code.UNAVAILABLE),
    ("runfold.infra.settings.errors", "ConfigError", Code.UNAVAILABLE),
    ("runfold.infra.database.errors", "DatabaseAwayError", Code.UNAVAILABLE),
    ("runfold.infra.kafka.errors", "KafkaAwayError", Code.UNAVAILABLE),
    ("runfold.infra.gateway.errors", "GatewayTablesError", Code.UNAVAILABLE),
    ("runfold.infra.artifacts.errors", "ArtifactMissingError", Code.NOT_FOUND),
    ("runfold.infra.artifacts.errors", "ArtifactDamagedError", Code.STORAGE),
    ("runfold.infra.artifacts.errors", "ArtifactsUnavailableError", Code.UNAVAILABLE),
    ("runfold.producers.errors", "NoTopicError", Code.UNAVAILABLE),
    ("runfold.producers.errors", "RefusedError", Code.INVALID),
    ("runfold.producers.errors", "NotYetError", Code.NOT_YET),
    ("runfold.producers.errors", "UnavailableError", Code.UNAVAILABLE),
    ("runfold.producers.errors", "LostStartError", Code.STORAGE),
    ("runfold.producers.errors", "UnreadableError", Code.STORAGE),
    ("runfold.producers.errors", "LogError", Code.UNAVAILABLE),
    ("runfold.processors.definitions.source", "DefinitionStoreUnavailableError", Code.UNAVAILABLE),
    ("runfold.events.errors", "RegistryError", Code.UNAVAILABLE),
    ("runfold.events.errors", "EventsError", Code.INVALID),
    ("runfold.surfaces.audit.parallel", "ReaderLostError", Code.UNAVAILABLE),
    ("runfold.surfaces.backup.errors", "BackupError", Code.INVALID),
    ("runfold.surfaces.costs.price_file", "PriceFileError", Code.INVALID),
    ("runfold.processors.monitor.rule_files", "RuleFileError", Code.INVALID),
    ("runfold.surfaces.manifests.exporting", "NotExportableError", Code.INVALID),
    ("runfold.surfaces.manifests.problems", "InvalidManifestsError", Code.INVALID),
    ("runfold.projections.errors", "NotCaughtUp", Code.NOT_YET),
    ("runfold.projections.errors", "UnknownView", Code.NOT_FOUND),
    ("runfold.projections.errors", "ProjectionError", Code.UNAVAILABLE),
)


def fault_of(error: Exception) -> Fault:
    """Return what an error means for whoever asked; one that nobody expected is a bug."""
    own = getattr(sys.modules.get("runfold.surfaces.application.errors"), "ApplicationError", None)
    if own is not None and isinstance(error, own):
        return Fault(_code(error.code, retryable=error.retryable), str(error))
    for module, name, code in _EXPECTED:
        kind = getattr(sys.modules.get(module), name, None)
        if kind is not None and isinstance(error, kind):
            return Fault(code, str(error))
    if _is_of(error, "psycopg") or _is_of(error, "sqlalchemy"):
        return _database(error)
    if isinstance(error, OSError):
        return _system(error)
    what = f"{type(error).__name__}: {error}"
    more = "Set RUNFOLD_DEBUG=1 to see where it comes from."
    return Fault(Code.INTERNAL, f"This is a bug in Runfold: {what}. {more}")


def _code(said: str, *, retryable: bool) -> Code:
    """Return a code; those that only a gateway has are as others that help alike."""
    if said in Code.__members__.values():
        return Code(said)
    return Code.UNAVAILABLE if retryable else Code.INVALID


def _is_of(error: Exception, package: str) -> bool:
    return type(error).__module__.partition(".")[0] == package


def _database(error: Exception) -> Fault:
    # Its library is loaded: the error is one of it.
    from runfold.infra.database.faults import Help, meaning_of  # noqa: PLC0415 - loads psycopg

    codes = {
        Help.WAIT: Code.UNAVAILABLE,
        Help.TRY_AGAIN: Code.NOT_YET,
        Help.CHANGE_SETTINGS: Code.UNAVAILABLE,
        Help.MEND_TABLES: Code.UNAVAILABLE,
        Help.MEND_DISK: Code.STORAGE,
        Help.ASK_OTHERWISE: Code.INVALID,
    }
    meaning = meaning_of(error)
    return Fault(codes[meaning.help], meaning.sentence)


def _system(error: OSError) -> Fault:
    place = f" ({error.filename})" if error.filename else ""
    if error.errno == errno.ENOSPC:
        return Fault(Code.STORAGE, f"The disk is full{place}: make room and try again.")
    if isinstance(error, FileNotFoundError):
        return Fault(Code.NOT_FOUND, f"There is no such file{place}.")
    return Fault(Code.STORAGE, f"{error.strerror or error}{place}.")
