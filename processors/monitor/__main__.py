"""``python -m runfold.processors.monitor``: the live monitor, one for a deployment.

Settings come from the environment: those of infra.settings.config and of
processors.monitor.settings. It reads the log back, then judges; it ends with 0 when told to by
SIGTERM, 1 when it cannot go on and is to be started again, 2 where a setting or a rule is wrong.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import gettempdir

from prometheus_client import REGISTRY

from runfold.events.avro.codec import Codec
from runfold.events.errors import RegistryError
from runfold.events.topics import EVENTS
from runfold.infra.process.exit_codes import ExitCode
from runfold.infra.process.memory import bound_memory, few_pools
from runfold.infra.process.runner import Ends, Process, serve
from runfold.infra.settings.config import Config, ConfigError
from runfold.processors.monitor.core.monitor import Monitor
from runfold.processors.monitor.rule_files import RuleFileError, read_rules
from runfold.processors.monitor.settings import MonitorSettings
from runfold.processors.monitor.shell.alert_log import AlertLog, AlertLogError
from runfold.processors.monitor.shell.exporter import SnapshotCollector
from runfold.processors.monitor.shell.feed import feed
from runfold.processors.monitor.shell.frontier import Frontier
from runfold.processors.monitor.shell.intake import Intake
from runfold.processors.monitor.shell.rebuild import rebuild
from runfold.processors.monitor.shell.watch import Watch
from runfold.producers.errors import LogError, UnavailableError
from runfold.producers.log.topics.partitions import deployed_partitions
from runfold.producers.schema_registry.chosen import registry_of
from runfold.stack import ports

try:
    from runfold.processors.monitor.shell.app import AppSettings, MonitorApp, look_on, make_app
except ModuleNotFoundError as missing:
    sys.stderr.write(f"The monitor needs {missing.name}: pip install 'runfold[monitor]'\n")
    raise SystemExit(2) from missing

_NICE = 10
_START_S = 30.0
_STOP_S = 5.0
_RETRY_S = 1.0
_MB = 1024 * 1024

_log = logging.getLogger("runfold.processors.monitor")


@dataclass(frozen=True, slots=True)
class _Settings:
    own: MonitorSettings
    monitor: Monitor
    data: Path
    port: int


def main() -> int:
    """Run the monitor with the settings of the environment and return its exit code."""
    # What it watches goes first.
    os.nice(_NICE)
    ends: Ends = {
        RuleFileError: ExitCode.WRONG_SETTINGS,
        AlertLogError: ExitCode.CANNOT_GO_ON,
        LogError: ExitCode.CANNOT_GO_ON,
        RegistryError: ExitCode.CANNOT_GO_ON,
    }
    return serve("runfold-monitor", _settings, _watch, ends, REGISTRY)


def _settings(config: Config) -> _Settings:
    # They report every start and request.
    for name in ("faust", "mode", "aiohttp"):
        logging.getLogger(name).setLevel(logging.WARNING)
    own = MonitorSettings.from_env()
    # The addresses that the pools of malloc reserve would count, one for each thread.
    few_pools()
    bound_memory(own.memory_mb * _MB)
    monitor = Monitor(read_rules(list(own.rules)), own.ended, own.subjects)
    data = _data(config)
    port = own.port or ports.claim(data / "ports.json", ("monitor",))["monitor"]
    return _Settings(own, monitor, data, port)


def _watch(process: Process, settings: _Settings) -> int:
    config, monitor = process.config, settings.monitor
    partitions = deployed_partitions(config, EVENTS)
    codec = Codec(registry_of(config.schema_registry_url))
    intake = Intake(monitor, codec)
    alerts = AlertLog(config.kafka, codec)
    for said in alerts.open():
        monitor.alerts.apply(said)
    _read_back(config, codec, monitor, intake, partitions)
    frontier = Frontier(config.kafka, list(intake.positions))
    stall_s = settings.own.stall_s
    watch = Watch(monitor, intake, frontier, alerts, stall_s)
    REGISTRY.register(SnapshotCollector(lambda: watch.newest))
    every_s = monitor.book.every.total_seconds()
    served = AppSettings(settings.own.host, settings.port, settings.data / "faust")
    return asyncio.run(
        _serve(
            process,
            served,
            lambda: make_app(served, intake, watch),
            lambda app: feed(
                config.kafka, intake, partitions, app.arriving.put, app.superseded.set
            ),
            lambda ended: look_on(watch, every_s, stall_s, ended),
        )
    )


def _read_back(
    config: Config, codec: Codec, monitor: Monitor, intake: Intake, partitions: int
) -> None:
    began = time.monotonic()
    since = datetime.now(UTC) - monitor.kept
    while True:
        try:
            rebuild(config.kafka, codec, intake, partitions, since)
        except UnavailableError as error:
            _log.warning("%s", error)
            time.sleep(_RETRY_S)
        else:
            break
    monitor.covered_from = since
    seconds = round(time.monotonic() - began, 3)
    _log.info("read back", extra={"events": monitor.tally.events, "seconds": seconds})


async def _serve(
    process: Process,
    settings: AppSettings,
    make: Callable[[], MonitorApp],
    read: Callable[[MonitorApp], Coroutine[None, None, None]],
    look: Callable[[asyncio.Event], Coroutine[None, None, str]],
) -> int:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    app = make()
    try:
        await asyncio.wait_for(app.start(), _START_S)
    except (OSError, TimeoutError) as error:
        where = f"{settings.host}:{settings.port}"
        _log.error("Faust does not start (%s): it serves at %s", error, where)
        os._exit(1)
    _log.info("serving", extra={"url": f"http://{settings.host}:{settings.port}/"})
    process.ready()
    looking = asyncio.create_task(look(ended))
    crashed = asyncio.create_task(app.wait_until_stopped())
    joined = asyncio.create_task(app.superseded.wait())
    reading = asyncio.create_task(read(app))
    first = {looking, crashed, joined, reading}
    await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
    why = _why(looking, joined, reading)
    if why:
        _log.error("%s", why)
        # What stalled may not stop either.
        os._exit(1)
    with suppress(TimeoutError):
        await asyncio.wait_for(app.stop(), _STOP_S)
    _log.info("ended")
    logging.shutdown()
    os._exit(0)


def _why(
    looking: asyncio.Task[str], joined: asyncio.Task[bool], reading: asyncio.Task[None]
) -> str:
    """Return why it cannot go on, nothing where it was told to end."""
    if looking.done():
        return looking.result()
    if joined.done():
        return "Another monitor has joined: run one for a deployment, and no more."
    if reading.done():
        return f"Reading has ended: {reading.exception()}"
    return "Faust has ended by itself."


def _data(config: Config) -> Path:
    data = (config.home or Path(gettempdir())) / "monitor"
    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"Cannot write to {data} ({error.strerror}): set RUNFOLD_HOME."
        ) from error
    return data


if __name__ == "__main__":
    sys.exit(main())
