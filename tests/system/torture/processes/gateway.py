"""Runs a gateway to which a request is somebody's for a few seconds, and not for a minute.

    python -m tests.system.torture.processes.gateway

What a killed gateway had begun is let go when its lease ends: so that is met often, and a gateway
that was frozen wakes up beside another that has gone on with its request.
"""

from __future__ import annotations

import runpy
import sys
from datetime import timedelta

from runfold.surfaces.application.runs.asking import once

LEASE = timedelta(seconds=4)

if __name__ == "__main__":
    vars(once)["LEASE"] = LEASE
    sys.argv = ["runfold.surfaces.http"]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
