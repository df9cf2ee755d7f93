"""What an administrator says to the brokers so that each process may do its work and no more."""

from __future__ import annotations

from collections.abc import Iterator

from runfold.infra.deployment.naming import Naming
from runfold.infra.kafka.rights import CLI, PREPARE, PROGRAMS


def commands(naming: Naming) -> Iterator[str]:
    """Yield the commands, a comment before those of each process; principals are to be renamed."""
    for name, program in PROGRAMS.items():
        if name == PREPARE:
            continue
        principal = "User:runfold-cli" if name == CLI else f"User:{name}"
        yield f"# {program.called}"
        for right in dict.fromkeys(program.rights):
            yield right.of(naming).command(principal)
