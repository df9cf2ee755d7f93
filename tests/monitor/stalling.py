"""``python -m tests.monitor.stalling``: the monitor, which stands still once a file says how.

``loop`` holds its event loop; ``consumer`` leaves it running and lets no record arrive.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any

from faust.transport.drivers import aiokafka

from runfold.processors.monitor.__main__ import main
from runfold.processors.monitor.shell.watch import Watch

VARIABLE = "RUNFOLD_TEST_STALL"
_FILE = Path(os.environ.get(VARIABLE, "/nowhere"))


def _told() -> str:
    return _FILE.read_text() if _FILE.exists() else ""


def _stalling() -> None:
    """Put the two ways into what the monitor is made of."""
    fetch, judge = aiokafka.AIOKafkaConsumerThread.getmany, Watch.judge

    async def getmany(self: Any, *arguments: Any, **named: Any) -> Any:
        while _told() == "consumer":  # noqa: ASYNC110 - a file tells nobody
            await asyncio.sleep(0.1)
        return await fetch(self, *arguments, **named)

    def judged(self: Watch, *arguments: Any) -> Any:
        while _told() == "loop":
            time.sleep(0.1)
        return judge(self, *arguments)

    aiokafka.AIOKafkaConsumerThread.getmany = getmany
    Watch.judge = judged  # type: ignore[method-assign]


if __name__ == "__main__":
    _stalling()
    sys.exit(main())
