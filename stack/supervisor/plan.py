"""What the supervisor shall run beside the servers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Process:
    """One Python process: ``python *arguments`` with the stack's addresses in its environment.

    A process that runs ``once`` must end with 0 before the next one starts; one that
    ``announces`` counts as ready when it has called ``runfold.infra.process.ready.announce()``.
    One that ``calls`` models or tools is given all secrets. Others are given those whose variables
    begin as one of ``secrets``, and what opens their connections. One that ``calls`` ends
    ``stop_seconds`` after RUNFOLD_DRAIN_S at the latest, the others after ``stop_seconds``.
    ``readers`` are its names in the table of settings.
    """

    name: str
    arguments: tuple[str, ...]
    once: bool = False
    announces: bool = False
    calls: bool = False
    readers: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    stop_seconds: float = 20.0


def dump(processes: Sequence[Process]) -> str:
    """Return a text that ``load`` understands."""
    return json.dumps([asdict(process) for process in processes])


def load(text: str) -> tuple[Process, ...]:
    """Return the processes that were dumped."""
    return tuple(
        Process(
            **{
                **fields,
                "arguments": tuple(fields["arguments"]),
                "readers": tuple(fields["readers"]),
                "secrets": tuple(fields["secrets"]),
            }
        )
        for fields in json.loads(text)
    )
