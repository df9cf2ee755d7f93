"""The Faust application: an agent on the journal, a look at the rules, a page."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from runfold.events import topics
from runfold.events.border import moment_of
from runfold.events.errors import RegistryError
from runfold.infra.process.watchdog import Watchdog
from runfold.processors.monitor.shell.alert_log import AlertLogError
from runfold.processors.monitor.shell.credentials import credentials_of
from runfold.processors.monitor.shell.intake import Intake
from runfold.processors.monitor.shell.page import page
from runfold.processors.monitor.shell.transport import MonitorApp
from runfold.processors.monitor.shell.watch import StalledError, Watch

GROUP = "runfold-monitor"
_RETRY_S = 1.0

_log = logging.getLogger("runfold.processors.monitor")


@dataclass(frozen=True, slots=True)
class AppSettings:
    """Where the application reads and serves."""

    kafka: Mapping[str, str]
    partitions: int
    host: str
    port: int
    data: Path


def make_app(settings: AppSettings, intake: Intake, watch: Watch) -> Any:
    """Return the application; whoever starts it looks at the rules with ``look_on``."""
    brokers = settings.kafka["bootstrap.servers"].split(",")
    app = MonitorApp(
        GROUP,
        positions=intake.positions,
        broker=[f"kafka://{address.strip()}" for address in brokers],
        broker_credentials=credentials_of(settings.kafka),
        store="memory://",
        datadir=str(settings.data),
        topic_partitions=settings.partitions,
        topic_disable_leader=True,
        topic_allow_declare=False,
        reply_create_topic=False,
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=6.0,
        broker_heartbeat_interval=1.0,
        stream_wait_empty=False,
        web_host=settings.host,
        web_port=settings.port,
        web_bind=settings.host,
    )
    _consume(app, intake)
    _serve(app, watch)
    return app


def _consume(app: Any, intake: Intake) -> None:
    source = app.topic(
        topics.EVENTS,
        topics.DEAD_LETTERS,
        key_serializer="raw",
        value_serializer="raw",
        key_type=bytes,
        value_type=bytes,
    )

    @app.agent(source, name="journal", concurrency=1)  # type: ignore[untyped-decorator]
    async def take(stream: Any) -> None:
        async for event in stream.events():
            message = event.message
            at = moment_of(message.timestamp * 1000)
            # A handler that raises would be acknowledged, and its event lost.
            while not _taken(intake, message, at):  # noqa: ASYNC110 - nothing tells of the registry
                await asyncio.sleep(_RETRY_S)


def _taken(intake: Intake, message: Any, at: datetime) -> bool:
    try:
        intake.take(message.topic, message.partition, message.offset, message.value, at)
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
