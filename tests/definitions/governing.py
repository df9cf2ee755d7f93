"""A store in few words: publish, release, retire, withdraw, alias, each one position further."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from runfold.events.definitions import (
    Definition,
    DefinitionAliased,
    DefinitionReleased,
    DefinitionRetired,
    Definitions,
    DefinitionWithdrawn,
    LiveRuns,
    ModelScript,
    ScriptTurn,
    StoreRecord,
)
from runfold.processors.definitions.record import announce, fold

NOW = datetime(2026, 1, 2, tzinfo=UTC)
WHO = {"reason": "because", "decided_at": NOW, "decided_by": "ann"}


def script(version: str = "1.0.0", name: str = "filing", said: str = "done") -> ModelScript:
    return ModelScript(name=name, version=version, turns=(ScriptTurn(text=said),))


def published(version: str = "1.0.0", tenant: str | None = None, **more: str) -> StoreRecord:
    return announce(script(version, **more), "ann", NOW, tenant)


def of(definition: Definition, tenant: str | None = None) -> StoreRecord:
    return announce(definition, "ann", NOW, tenant)


def _about(given: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "playbook", "name": "filing", "tenant": None, **WHO, **given}


def released(version: str | None, **more: Any) -> StoreRecord:
    return DefinitionReleased(**_about({"version": version, **more}))


def retired(version: str, *, retired: bool = True, **more: Any) -> StoreRecord:
    return DefinitionRetired(**_about({"version": version, "retired": retired, **more}))


def withdrawn(version: str, live: LiveRuns = LiveRuns.FINISH, **more: Any) -> StoreRecord:
    return DefinitionWithdrawn(**_about({"version": version, "live_runs": live, **more}))


def aliased(name: str, target: str | None, **more: Any) -> StoreRecord:
    return DefinitionAliased(**_about({"name": name, "target": target, **more}))


def folded(*records: StoreRecord) -> tuple[Definitions, list[str]]:
    """The definitions after these records, and why some were left out."""
    definitions, left_out = Definitions(), []
    for offset, record in enumerate(records):
        definitions, reason = fold(definitions, record, offset)
        left_out += [reason] if reason else []
    return definitions, left_out


def store(*records: StoreRecord) -> Definitions:
    definitions, left_out = folded(*records)
    assert left_out == []
    return definitions
