"""The Faust application: an agent that takes what is read, a look at the rules, a page."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import faust
from faust.app.base import BootStrategy
from faust.web.drivers.aiohttp import Web as AiohttpWeb
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from runfold.events.errors import RegistryError
from runfold.infra.clock.steady import SteadyClock
from runfold.infra.process.watchdog import Watchdog
from runfold.processors.monitor.shell.alert_log import AlertLogError
from runfold.processors.monitor.shell.intake import Gap, Intake
from runfold.processors.monitor.shell.page import page
from runfold.processors.monitor.shell.watch import StalledError, Watch
from runfold.producers.log.tail import RawRecord

_LISTS_WAITING = 2
_RETRY_S = 1.0

_log = logging.getLogger("runfold.processors.monitor")


@dataclass(frozen=True, slots=True)
class AppSettings:
    """Where the application serves."""

    host: str
    port: int
    data: Path


class _Web(AiohttpWeb):
    # Faust's own pages would take the root, and let anybody read its tables.
    default_blueprints = ()
    production_blueprints = ()


class _WithoutKafka(BootStrategy):
    # What Faust reads with inflates whatever it is sent; records come from ``feed``.
    enable_kafka = False


class MonitorApp(faust.App):
    """A Faust application whose records are put into ``arriving``, in lists."""

    BootStrategy = _WithoutKafka

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, Web=_Web, **kwargs)
        self.superseded = asyncio.Event()
        self.arriving = self.channel(maxsize=_LISTS_WAITING)

    async def on_started(self) -> None:
        """Let channels pass on what is put: Faust's own consumer would say so."""
        await super().on_started()
        self.flow_control.resume()


def make_app(settings: AppSettings, intake: Intake, watch: Watch) -> MonitorApp:
    """Return the application; whoever starts it looks at the rules with ``look_on``."""
    app = MonitorApp(
        "runfold-monitor",
        store="memory://",
        datadir=str(settings.data),
        topic_disable_leader=True,
        topic_allow_declare=False,
        reply_create_topic=False,
        stream_wait_empty=False,
        web_host=settings.host,
        web_port=settings.port,
        web_bind=settings.host,
    )
    _consume(app, intake)
    _serve(app, watch)
    return app


def _consume(app: MonitorApp, intake: Intake) -> None:
    clock = SteadyClock()

    @app.agent(app.arriving, name="journal", concurrency=1)
    async def take(stream: Any) -> None:
        async for records in stream:
            now = clock.now()
            for record in records:
                # A handler that raises would be acknowledged, and its event lost.
                while not _taken(intake, record, now):  # noqa: ASYNC110 - nobody says when
                    await asyncio.sleep(_RETRY_S)


def _taken(intake: Intake, record: RawRecord | Gap, now: datetime) -> bool:
    try:
        intake.take(record, now)
    except RegistryError as error:
        _log.warning("%s", error)
        return False
    return True


def _serve(app: Any, watch: Watch) -> None:
    @app.page("/")  # type: ignore[untyped-decorator]
    async def live(web: Any, _request: Any) -> Any:
        return web.html(page(watch.newest))

    @app.page("/live.json")  # type: ignore[untyped-decorator]
    async def live_json(web: Any, _request: Any) -> Any:
        newest = watch.newest
        return web.json(newest.as_json() if newest else {"as_of": None})

    @app.page("/metrics")  # type: ignore[untyped-decorator]
    async def metrics(web: Any, _request: Any) -> Any:
        kind, _, rest = CONTENT_TYPE_LATEST.partition("; charset=")
        return web.bytes(generate_latest(REGISTRY), content_type=kind.partition(";")[0] or rest)


async def look_on(watch: Watch, every_s: float, stall_s: float, ended: asyncio.Event) -> str:
    """Look at the rules until told to end; return why it could not go on, or nothing.

    An event loop that stands still for ``stall_s`` ends the process.
    """
    watchdog = Watchdog(stall_s)
    beating = asyncio.create_task(_beat(watchdog))
    try:
        while not ended.is_set():
            now = await asyncio.to_thread(watch.horizon)
            if now is not None and (say := watch.judge(now)) is not None:
                await asyncio.to_thread(say)
            pause = every_s if now is not None else min(every_s, _RETRY_S)
            with_end = asyncio.create_task(ended.wait())
            await asyncio.wait({with_end}, timeout=pause)
            with_end.cancel()
    except (StalledError, AlertLogError) as error:
        return str(error)
    finally:
        beating.cancel()
        watchdog.off()
    return ""


async def _beat(watchdog: Watchdog) -> None:
    while True:
        watchdog.beat("the event loop of the monitor")
        await asyncio.sleep(1)
