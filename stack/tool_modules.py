"""Modules of tools that the processes of a stack could not import: a fault of the deployment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from runfold.stack.processes import telling
from runfold.stack.processes.telling import Told
from runfold.stack.supervisor.state import State


@dataclass(frozen=True, slots=True)
class FaultyModule:
    """A module, why it cannot be used, and by which processes."""

    module: str
    why: str
    parts: tuple[str, ...]

    def __str__(self) -> str:
        return f"Tools of {self.module} do not work ({', '.join(self.parts)}): {self.why}"


@dataclass(frozen=True, slots=True)
class ToolModules:
    """What the processes say: what fails, what is being imported, and what each may import."""

    faulty: tuple[FaultyModule, ...] = ()
    importing: tuple[str, ...] = ()
    allowed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def why_unusable(self, module: str) -> str:
        """Return why tools of a module do not work here, "" where they do or it is not known."""
        for each in self.faulty:
            if each.module == module:
                return each.why
        refusing = [
            part
            for part, allowed in self.allowed.items()
            if not any(module == one or module.startswith(f"{one}.") for one in allowed)
        ]
        if not refusing:
            return ""
        listed = ",".join([*self.allowed[refusing[0]], module])
        return (
            f"{', '.join(refusing)} may not import {module}: set RUNFOLD_TOOL_MODULES={listed}, "
            f"then `runfold restart {' '.join(refusing)}`"
        )


def tool_modules(known: State) -> ToolModules:
    """Ask every process of a stack about its modules of tools."""
    told: dict[str, Told] = {}
    for member in known.members:
        said = telling.ask(member.metrics_port, member.metrics_address)
        if said is not None:
            told[member.name] = said
    parts: dict[tuple[str, str], list[str]] = {}
    for name, each in told.items():
        for fault in each.faults:
            parts.setdefault((fault.module, fault.why), []).append(name)
    return ToolModules(
        tuple(FaultyModule(*fault, tuple(names)) for fault, names in sorted(parts.items())),
        tuple(sorted({module for each in told.values() for module in each.importing})),
        {name: each.allowed for name, each in told.items() if each.allowed is not None},
    )
