"""The names that belong to the run that ``runfold up`` makes to see that runs complete."""

from __future__ import annotations

PROBE_TENANT = "runfold-probe"
"""Its runs are left out of what an operator is shown of everybody; they cost nothing."""

PROBE_AGENT = "runfold-probe"
