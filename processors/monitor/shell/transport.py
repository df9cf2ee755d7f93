"""Faust's transport for Kafka with two changes that its settings do not offer.

What was aborted is never read, and reading goes on from the monitor's own positions: those of the
group say what was acknowledged, not what was counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import faust
from faust.transport.drivers import aiokafka
from faust.types import TP
from faust.web.drivers.aiohttp import Web as AiohttpWeb

from runfold.processors.monitor.shell.intake import Place


class _CommittedThread(aiokafka.AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        # Faust sets it for its own transactions only; the fetcher is made from it at the start.
        consumer._isolation_level = "read_committed"  # noqa: SLF001
        return consumer


class _Consumer(aiokafka.Consumer):
    def _new_consumer_thread(self) -> _CommittedThread:
        return _CommittedThread(self, loop=self.loop, beacon=self.beacon)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        app = cast("MonitorApp", self.app)
        assigned = self.assignment()
        wanted = {tp: app.positions.get((tp.topic, tp.partition), 0) for tp in assigned}
        app.assigned(len(wanted))
        await self.seek_wait(wanted)
        return wanted


class _Transport(aiokafka.Transport):
    Consumer = _Consumer


class _Web(AiohttpWeb):
    # Faust's own pages would take the root, and let anybody read its tables.
    default_blueprints = ()
    production_blueprints = ()


class MonitorApp(faust.App):
    """A Faust application that reads what is committed, from ``positions`` on."""

    def __init__(self, *args: Any, positions: Mapping[Place, int], **kwargs: Any) -> None:
        super().__init__(*args, Web=_Web, **kwargs)
        self.positions = positions
        self.superseded = asyncio.Event()
        self._had_all = False

    def assigned(self, count: int) -> None:
        """Notice that another monitor has joined: half of the log is no basis for a judgement.

        Of two the newer one stays, so a monitor that never had every partition waits for them.
        """
        if count >= len(self.positions):
            self._had_all = True
        elif self._had_all:
            self.superseded.set()

    def _new_transport(self) -> Any:
        return _Transport(self.conf.broker_consumer, self)
