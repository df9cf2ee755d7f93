"""What the run's model is, for switches and policies: its name, and what a default stands for."""

from __future__ import annotations

from runfold.events import run as j
from runfold.processors.run.behaviour import BY_POLICIES
from runfold.processors.run.draft import Draft

_DEFAULT = "default"


def names_of_model(draft: Draft) -> tuple[str, ...]:
    """Return the names that the run's model goes by: its own, and what that stands for.

    What a default model stands for is asked of the process that decides, once in a run, and only
    where policies or switches are there that may speak of it; then it is on record.
    """
    run = draft.run
    name = run.pinned.model
    if run.behaviour < BY_POLICIES or name.partition(":")[0] != _DEFAULT:
        return (name,)
    if run.pinned.stands_for is None:
        known = draft.env.definitions
        governed = known.policies(run.tenant_id) is not None
        if not governed and next(known.switches(), None) is None:
            return (name,)
        found = draft.resolve(name)
        if found == name:
            return (name,)
        draft.say(j.ModelResolved(model=name, stands_for=found))
        return name, found
    return name, run.pinned.stands_for
