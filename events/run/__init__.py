"""The journal's vocabulary: every fact that a run's history can hold, and the event around it.

Each family of facts is a module, and exports what it lists in its ``__all__``.
"""

# ruff: noqa: F403 - that a family exports a fact is said beside the fact
from runfold.events.run.admission import *
from runfold.events.run.calls.begin import *
from runfold.events.run.calls.children import *
from runfold.events.run.calls.context import *
from runfold.events.run.calls.dry_runs import *
from runfold.events.run.calls.judging import *
from runfold.events.run.calls.late import *
from runfold.events.run.calls.model import *
from runfold.events.run.calls.permitting import *
from runfold.events.run.calls.policies import *
from runfold.events.run.calls.tools import *
from runfold.events.run.checkpoints import *
from runfold.events.run.event import *
from runfold.events.run.extension import *
from runfold.events.run.lifecycle import *
from runfold.events.run.limits import *
from runfold.events.run.memory import *
from runfold.events.run.people.control import *
from runfold.events.run.people.escalation import *
from runfold.events.run.people.taking_over import *
from runfold.events.run.steps import *
from runfold.events.run.turns import *
