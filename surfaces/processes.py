"""What ``runfold up`` runs beside the servers, in the order it is started."""

from __future__ import annotations

from stack.plan import Process

PROCESSES: tuple[Process, ...] = (
    Process("topics", ("-m", "stack.prepare"), once=True),
    Process("run processor", ("-m", "processors.run"), announces=True),
    Process("tool pool", ("-m", "processors.tool")),
    Process("projector", ("-m", "projections")),
)
