"""What ``runfold up`` runs beside the servers, in the order it is started."""

from __future__ import annotations

from stack.plan import Process

PROCESSES: tuple[Process, ...] = (
    Process("topics", ("-m", "stack.prepare"), once=True),
    Process("runs", ("-m", "processors.run"), announces=True),
    Process("tools", ("-m", "processors.tool"), announces=True),
    Process("projector", ("-m", "projections"), announces=True),
    # Nothing waits for it.
    Process("monitor", ("-m", "processors.monitor")),
)
