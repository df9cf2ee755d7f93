"""What ``runfold up`` runs beside the servers, in the order it is started."""

from __future__ import annotations

from dataclasses import replace

from runfold.infra.deployment.identity import ADOPT
from runfold.infra.secrets.environment import PREFIX
from runfold.infra.settings.declared.vault import VAULT_TOKEN
from runfold.stack.supervisor.plan import Process

PROCESSES: tuple[Process, ...] = (
    Process("topics", ("-m", "runfold.stack.prepare"), once=True),
    Process(
        "runs",
        ("-m", "runfold.processors.run"),
        announces=True,
        calls=True,
        readers=("run processor",),
    ),
    Process(
        "tools",
        ("-m", "runfold.processors.tool"),
        announces=True,
        calls=True,
        readers=("tool pool", "pools"),
    ),
    Process("projector", ("-m", "runfold.projections"), announces=True, readers=("projector",)),
    Process(
        "gateway",
        ("-m", "runfold.surfaces.http", "--development"),
        announces=True,
        readers=("gateway",),
        # The file of its channels names any.
        secrets=(PREFIX, VAULT_TOKEN.name),
    ),
    Process(
        "delivery",
        ("-m", "runfold.processors.delivery"),
        announces=True,
        readers=("delivery",),
        # No subscription can name another.
        secrets=(f"{PREFIX}WEBHOOK", f"{PREFIX}WEBPUSH", VAULT_TOKEN.name),
    ),
    # Nothing waits for it.
    Process("monitor", ("-m", "runfold.processors.monitor"), readers=("monitor",)),
)


def adopting(processes: tuple[Process, ...]) -> tuple[Process, ...]:
    """Return the processes, the first of which puts the database and the topics together."""
    first, *others = processes
    return (replace(first, arguments=(*first.arguments, ADOPT)), *others)
