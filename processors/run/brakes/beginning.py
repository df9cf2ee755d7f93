"""Which brakes watch a run, said when it begins."""

from __future__ import annotations

from runfold.events import run as j
from runfold.processors.run.behaviour import BRAKES
from runfold.processors.run.brakes.detectors import FIND
from runfold.processors.run.draft import Draft


def set_brakes(draft: Draft) -> None:
    """Record which detectors watch the run, in the order in which they are asked [57]."""
    declared = draft.agent().brakes
    if draft.behaviour >= BRAKES and declared:
        draft.say(j.BrakesSet(detectors=tuple([name for name in FIND if name in declared])))
