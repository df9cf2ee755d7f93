"""``python -m runfold.surfaces.http``: a gateway, which serves the use cases over HTTP.

Any number of them serve a deployment: none keeps anything but connections. SIGTERM ends it after
the requests under way. Its exit codes are those of every process.
"""

from __future__ import annotations

import logging
import sys
import threading
from datetime import UTC, datetime

import psycopg

from runfold.infra.database.errors import DatabaseAwayError
from runfold.infra.deployment import binding
from runfold.infra.gateway.errors import GatewayTablesError
from runfold.infra.gateway.postgres import PostgresAskedStore
from runfold.infra.process.exit_codes import ExitCode
from runfold.infra.process.gc import collect_seldom
from runfold.infra.process.runner import Ends, Process, serve
from runfold.infra.settings.errors import ConfigError
from runfold.producers.errors import LogError
from runfold.stack import ports

try:
    from runfold.surfaces.http.app import make_app
    from runfold.surfaces.http.making import make
    from runfold.surfaces.http.protocols import beside
    from runfold.surfaces.http.server import address_of, make_server, opened, run
    from runfold.surfaces.http.settings import FOLDER, URL, GatewaySettings
except ModuleNotFoundError as missing:
    sys.stderr.write(f"The gateway needs {missing.name}: pip install 'runfold[http]'\n")
    raise SystemExit(2) from missing

DEVELOPMENT = "--development"
OPTIONS = {
    DEVELOPMENT: "make an API key at the first start, for this machine alone: in "
    "gateway/development-key of the home",
}
_FORGET_EVERY_S = 600.0

_log = logging.getLogger("runfold.gateway")


def main() -> int:
    """Serve with the settings of the environment and return the exit code."""
    ends: Ends = {
        LogError: ExitCode.CANNOT_GO_ON,
        DatabaseAwayError: ExitCode.CANNOT_GO_ON,
        psycopg.Error: ExitCode.CANNOT_GO_ON,
        GatewayTablesError: ExitCode.WRONG_SETTINGS,
    }
    return serve("runfold-gateway", GatewaySettings.read, _work, ends, options=OPTIONS)


def _work(process: Process, settings: GatewaySettings) -> int:
    # It reports every start.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    binding.need(process.config.kafka, process.config.need_database(), _log.warning)
    development = process.asked(DEVELOPMENT)
    if development and not settings.is_on_loopback:
        _log.warning("others reach %s: no key is made here, see `runfold keys`", settings.host)
        development = False
    try:
        (settings.home / FOLDER).mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"Cannot write to {settings.home} ({error.strerror}): set RUNFOLD_HOME."
        ) from error
    made = make(process, settings, development=development)
    listening = opened(settings.host, settings.port or _free_port(settings))
    url = address_of(listening)
    others = beside(made, settings, url)
    server = make_server(make_app(made.gateway, mounted=others.mounted), made.gateway.use)
    # Requests make next to no cycles, and thousands of streams are much to look through.
    collect_seldom()
    (settings.home / FOLDER / URL).write_text(f"{url}\n")
    _log.info("serving", extra={"url": url})
    try:
        with process.working(server.stop, Forgetting(made.asked), *others.watches):
            run(server, listening)
    finally:
        made.close()
    return ExitCode.TOLD_TO_END


def _free_port(settings: GatewaySettings) -> int:
    return ports.claim(settings.home / FOLDER / "ports.json", (FOLDER,))[FOLDER]


class Forgetting:
    """Forgets requests that are past their time, now and then."""

    def __init__(self, asked: PostgresAskedStore) -> None:
        self._asked = asked
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="forgetting", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._ended.set()

    def _work(self) -> None:
        while not self._ended.wait(_FORGET_EVERY_S):
            try:
                self._asked.forget(datetime.now(UTC))
            except (psycopg.Error, GatewayTablesError) as error:
                _log.debug("nothing was forgotten: %s", error)


if __name__ == "__main__":
    sys.exit(main())
