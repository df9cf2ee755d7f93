"""One life of a process: what every ``__main__`` of Runfold does around its own work.

1. logs go to standard error as JSON
2. settings are read, all of them, then Kafka is asked, and whether the database that is named
   belongs to it; what is wrong is one sentence on standard error, and exit code 2; brokers that are
   away are waited for
3. secrets leave the environment: whatever runs here or looks from outside finds none there
4. the port opens: ``/metrics``, ``/health/live``, ``/health/ready``
5. the work is set up and says when it is ready: the ready file, ``/health/ready``
6. SIGTERM and SIGINT ask it to finish what is begun and to return
7. the exit code says why it ended
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from prometheus_client import CollectorRegistry

from runfold.infra.clock.watching import ClockWatch
from runfold.infra.deployment import journal
from runfold.infra.kafka import preflight
from runfold.infra.kafka.errors import KafkaAwayError
from runfold.infra.kafka.rights import PROGRAMS
from runfold.infra.logging.json_lines import log_to_stderr
from runfold.infra.metrics.serving import serve_metrics
from runfold.infra.metrics.table import TABLE
from runfold.infra.process.exit_codes import ExitCode
from runfold.infra.process.health import Health
from runfold.infra.process.ready import announce
from runfold.infra.process.usage import is_asked, need_known, usage
from runfold.infra.secrets.taking import NOTHING_TAKEN, Taken, take
from runfold.infra.settings.config import Config, ConfigError
from runfold.infra.settings.table import unknown
from runfold.infra.tracing.spans import Traces

_log = logging.getLogger("runfold.process")

S = TypeVar("S")

_NO_OPTIONS: Mapping[str, str] = {}

Ends = Mapping[type[Exception], ExitCode]
"""Which exit code an error of the work stands for; the first that fits counts."""


class Watch(Protocol):
    """A thread that looks after the work, such as a StallWatch."""

    def start(self) -> None:
        """Begin to look."""

    def stop(self) -> None:
        """Look no more."""


@dataclass(frozen=True, slots=True)
class Process:
    """What a process stands on: its settings, traces and health, and what its environment hid."""

    name: str
    config: Config
    traces: Traces | None
    health: Health
    taken: Taken = NOTHING_TAKEN
    options: Mapping[str, str] = field(default_factory=dict)

    def asked(self, option: str) -> bool:
        """Return whether the command line has an option.

        Raises LookupError for one that the process does not declare: ``--help`` would not say it.
        """
        if option not in self.options:
            raise LookupError(f"{self.name} declares no option {option}")
        return option in sys.argv[1:]

    def ready(self) -> None:
        """Say that the process does its work now."""
        self.health.phase = "ready"
        announce()

    def stalled(self, why: str) -> int:
        """Return the exit code of work that has ended: because of a stall, or by a signal."""
        if not why:
            return ExitCode.TOLD_TO_END
        _log.critical("the process ends: %s", why)
        return ExitCode.STALLED

    @contextmanager
    def working(self, stop: Callable[[], None], *watches: Watch) -> Iterator[None]:
        """Be ready within the block; ``stop`` is called by SIGTERM and SIGINT, and may repeat."""

        def told_to_end(*_: object) -> None:
            self.health.phase = "stopping"
            stop()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, told_to_end)
        for watch in watches:
            watch.start()
        self.ready()
        try:
            yield
        finally:
            self.health.phase = "stopping"
            for watch in watches:
                watch.stop()


def serve(
    name: str,
    settings: Callable[[Config], S],
    work: Callable[[Process, S], int],
    ends: Ends,
    registry: CollectorRegistry = TABLE.registry,
    options: Mapping[str, str] = _NO_OPTIONS,
) -> int:
    """Live one life and return its exit code.

    ``name`` is the process in traces and health. ``settings`` reads what this process needs beside
    the shared settings and asks no server. ``work`` runs until a signal ends it and returns the
    exit code; an error of ``ends`` is logged as the reason, or printed where it stands for 2.
    ``options`` are what its command line knows, with what they mean; ``--help`` says all of it.
    """
    arguments = sys.argv[1:]
    if is_asked(arguments):
        sys.stdout.write(usage(name, sys.modules["__main__"].__doc__ or name, options))
        return ExitCode.TOLD_TO_END
    log_to_stderr()
    clock = ClockWatch()
    clock.start()
    traces: Traces | None = None
    ends = {KafkaAwayError: ExitCode.CANNOT_GO_ON, **ends}
    expected: tuple[type[Exception], ...] = (ConfigError, *ends)
    try:
        need_known(arguments, options)
        for found in unknown(os.environ):
            _log.warning("%s", found)
        config = Config.from_env()
        own = settings(config)
        if name in PROGRAMS:
            preflight.need(config.kafka, [name], preflight.WAIT_S, _log.warning)
            _need_one_deployment(config)
        traces = Traces.from_env(name)
        taken = take()
        health = Health(name)
        serve_metrics(config.metrics_port, health, registry)
        return work(Process(name, config, traces, health, taken, options), own)
    except expected as error:
        return _ended(error, ends)
    finally:
        clock.stop()
        if traces is not None:
            traces.close()


def _need_one_deployment(config: Config) -> None:
    if config.database_url:
        # The driver is not for a process without a database.
        from runfold.infra.deployment import binding  # noqa: PLC0415

        binding.need(config.kafka, config.database_url, _log.warning)
    journal.need_topics(config.kafka, _log.warning)


def _ended(error: Exception, ends: Ends) -> int:
    wrong = ExitCode.WRONG_SETTINGS
    code = next((code for kind, code in ends.items() if isinstance(error, kind)), wrong)
    if code == wrong:
        print(error, file=sys.stderr)
    else:
        _log.error("the process ends: %s", error)
    return code
