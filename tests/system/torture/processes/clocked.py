"""Runs a process of the product with a clock that can be stepped, and other engine settings.

    python -m tests.system.torture.processes.clocked MODULE

The file named by TORTURE_CLOCK holds seconds to add to the machine's clock, as lanes and the watch
of clocks read it. The product has no such hook: the name ``datetime`` in its module of clocks is
replaced from here. TORTURE_ENGINE is JSON with fields of the engine's configuration, so that what
is rare comes often.
"""

from __future__ import annotations

import functools
import json
import os
import runpy
import sys
import time
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from runfold.infra.clock import reading
from runfold.processors.engine import config

VARIABLE = "TORTURE_CLOCK"
ENGINE = "TORTURE_ENGINE"
_LOOK_EVERY_S = 0.2


class Stepped(datetime):
    """The clock of the machine, and what the file adds to it."""

    _looked = 0.0
    _added = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        if time.monotonic() - cls._looked > _LOOK_EVERY_S:
            cls._looked = time.monotonic()
            text = Path(os.environ[VARIABLE]).read_text().strip()
            cls._added = timedelta(seconds=float(text or 0))
        return datetime.now(tz) + cls._added


if __name__ == "__main__":
    vars(reading)["datetime"] = Stepped
    changes = json.loads(os.environ.get(ENGINE, "{}"))
    vars(config)["EngineConfig"] = functools.partial(config.EngineConfig, **changes)
    sys.argv = [sys.argv[1]]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
