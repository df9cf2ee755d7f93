"""``python -m runfold.processors.monitor``: the live monitor, one for a deployment.

Settings come from the environment: those of producers.config and processors.monitor.settings. It
reads the log back, then judges; it ends with 0 when told to by SIGTERM, 1 when it cannot go on and
is to be started again, 2 where a setting or a rule is wrong.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import gettempdir

from prometheus_client import REGISTRY, start_http_server

from runfold.events.avro.codec import Codec
from runfold.events.errors import RegistryError
from runfold.events.topics import EVENTS
from runfold.infra.logging.json_lines import log_to_stderr
from runfold.infra.settings.config import Config, ConfigError
from runfold.processors.monitor.core.monitor import Monitor
from runfold.processors.monitor.rule_files import RuleFileError, read_rules
from runfold.processors.monitor.settings import MonitorSettings
from runfold.processors.monitor.shell.alert_log import AlertLog, AlertLogError
from runfold.processors.monitor.shell.exporter import SnapshotCollector
from runfold.processors.monitor.shell.frontier import Frontier
from runfold.processors.monitor.shell.intake import Intake
from runfold.processors.monitor.shell.rebuild import rebuild
from runfold.processors.monitor.shell.watch import Watch
from runfold.producers.errors import LogError, UnavailableError
from runfold.producers.log.partitions import partition_count
from runfold.producers.schema_registry.chosen import registry_of
from runfold.stack import ports
from runfold.stack.ready import announce

try:
    from runfold.processors.monitor.shell.app import AppSettings, look_on, make_app
except ModuleNotFoundError as missing:
    sys.stderr.write(f"The monitor needs {missing.name}: pip install 'runfold[monitor]'\n")
    raise SystemExit(2) from missing

_NICE = 10
_START_S = 30.0
_STOP_S = 5.0
_RETRY_S = 1.0

_log = logging.getLogger("runfold.processors.monitor")


def main() -> int:
    """Run the monitor with the settings of the environment and return its exit code."""
    log_to_stderr()
    # They tell of every rebalance and request; a broker that is away is told of by the watch.
    for name in ("faust", "mode", "aiohttp", "runfold.processors.monitor.shell.transport"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    # What it watches goes first.
    os.nice(_NICE)
    try:
        config, settings = Config.from_env(), MonitorSettings.from_env()
        monitor = Monitor(read_rules(list(settings.rules)))
        partitions = config.partitions or partition_count(config.kafka, EVENTS)
        app_settings = _app_settings(config, settings, partitions)
    except (ConfigError, RuleFileError, LogError) as error:
        print(error, file=sys.stderr)
        return 2
    codec = Codec(registry_of(config.schema_registry_url))
    intake = Intake(monitor, codec)
    alerts = AlertLog(config.kafka, codec)
    try:
        for said in alerts.open():
            monitor.alerts.apply(said)
        _read_back(config, codec, monitor, intake, partitions)
    except (AlertLogError, LogError, RegistryError) as error:
        _log.error("%s", error)
        return 1
    frontier = Frontier(config.kafka, list(intake.positions))
    watch = Watch(monitor, intake, frontier, alerts, settings.stall_s, lambda: datetime.now(UTC))
    REGISTRY.register(SnapshotCollector(lambda: watch.newest))
    if config.metrics_port:
        start_http_server(config.metrics_port)
    every_s = monitor.book.every.total_seconds()
    return asyncio.run(_serve(app_settings, intake, watch, every_s, settings.stall_s))


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
    settings: AppSettings, intake: Intake, watch: Watch, every_s: float, stall_s: float
) -> int:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    app = make_app(settings, intake, watch)
    try:
        await asyncio.wait_for(app.start(), _START_S)
    except (OSError, TimeoutError) as error:
        where = f"{settings.host}:{settings.port}"
        _log.error("Faust does not start (%s): it serves at %s and reads from Kafka", error, where)
        os._exit(1)
    _log.info("serving", extra={"url": f"http://{settings.host}:{settings.port}/"})
    announce()
    looking = asyncio.create_task(look_on(watch, every_s, stall_s, ended))
    crashed = asyncio.create_task(app.wait_until_stopped())
    joined = asyncio.create_task(app.superseded.wait())
    await asyncio.wait({looking, crashed, joined}, return_when=asyncio.FIRST_COMPLETED)
    why = _why(looking, joined)
    if why:
        _log.error("%s", why)
        # What stalled may not stop either.
        os._exit(1)
    with suppress(TimeoutError):
        await asyncio.wait_for(app.stop(), _STOP_S)
    _log.info("ended")
    logging.shutdown()
    os._exit(0)


def _why(looking: asyncio.Task[str], joined: asyncio.Task[bool]) -> str:
    """Return why it cannot go on, nothing where it was told to end."""
    if looking.done():
        return looking.result()
    if joined.done():
        return "Another monitor has joined: run one for a deployment, and no more."
    return "Faust has ended by itself."


def _app_settings(config: Config, settings: MonitorSettings, partitions: int) -> AppSettings:
    data = (config.home or Path(gettempdir())) / "monitor"
    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"Cannot write to {data} ({error.strerror}): set RUNFOLD_HOME."
        ) from error
    port = settings.port or ports.claim(data / "ports.json", ("monitor",))["monitor"]
    return AppSettings(config.kafka, partitions, settings.host, port, data / "faust")


if __name__ == "__main__":
    sys.exit(main())
