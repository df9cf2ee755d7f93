"""The journal's vocabulary: every fact that a run's history can hold, and the event around it.

Each family of facts is a module, and exports what it lists in its ``__all__``.
"""

# ruff: noqa: F403 - that a family exports a fact is said beside the fact
from runfold.events.run.admission import *
from runfold.events.run.begin import *
from runfold.events.run.checkpoints import *
from runfold.events.run.context import *
from runfold.events.run.control import *
from runfold.events.run.dry_runs import *
from runfold.events.run.escalation import *
from runfold.events.run.event import *
from runfold.events.run.extension import *
from runfold.events.run.judging import *
from runfold.events.run.late import *
from runfold.events.run.lifecycle import *
from runfold.events.run.limits import *
from runfold.events.run.memory import *
from runfold.events.run.model import *
from runfold.events.run.permitting import *
from runfold.events.run.policies import *
from runfold.events.run.taking_over import *
from runfold.events.run.tools import *
from runfold.events.run.turns import *
