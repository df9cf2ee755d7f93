"""``python -m tests.monitor.stalling``: the monitor, which stands still once a file says how.

``loop`` holds its event loop; ``consumer`` leaves it running and lets no record arrive.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from runfold.processors.monitor.__main__ import main
from runfold.processors.monitor.shell.reading import Following
from runfold.processors.monitor.shell.watch import Watch

VARIABLE = "RUNFOLD_TEST_STALL"
_FILE = Path(os.environ.get(VARIABLE, "/nowhere"))


def _told() -> str:
    return _FILE.read_text() if _FILE.exists() else ""


def _stalling() -> None:
    """Put the two ways into what the monitor is made of."""
    fetch, judge = Following.take, Watch.judge

    def taken(self: Following, wait_s: float) -> Any:
        while _told() == "consumer":
            time.sleep(0.1)
        return fetch(self, wait_s)

    def judged(self: Watch, now: datetime) -> Any:
        while _told() == "loop":
            time.sleep(0.1)
        return judge(self, now)

    Following.take = taken  # type: ignore[method-assign]
    Watch.judge = judged  # type: ignore[method-assign]


if __name__ == "__main__":
    _stalling()
    sys.exit(main())
