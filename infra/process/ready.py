"""How a process says that it does its work now: a file that a supervisor asked for."""

from __future__ import annotations

from runfold.infra.settings.declared import variables

READY_FILE = variables.READY_FILE.name


def announce() -> None:
    """Touch the file that RUNFOLD_READY_FILE names; does nothing where it names none."""
    if (file := variables.READY_FILE.read()) is not None:
        file.touch()
