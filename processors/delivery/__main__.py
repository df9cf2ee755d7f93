"""``python -m runfold.processors.delivery``: sends webhooks and notifications.

Any number of them serve a deployment where RUNFOLD_OWNERSHIP is ``group``: they share the
partitions of the journal. SIGTERM ends it after what is under way. Its exit codes are those of
every process, and 3 where another process took over.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
import uuid
from functools import partial
from typing import Any

import psycopg

from runfold.events.avro.codec import Codec
from runfold.events.run import Event
from runfold.infra.database.errors import DatabaseAwayError
from runfold.infra.deployment import binding
from runfold.infra.process.exit_codes import ExitCode
from runfold.infra.process.runner import Ends, Process, serve
from runfold.infra.secrets.chosen import every_secret
from runfold.infra.settings.config import Config
from runfold.infra.settings.declared.variables import SECRETS_FOLDER
from runfold.processors.definitions.following import following
from runfold.processors.definitions.sealing import reading_codec
from runfold.processors.definitions.source import DefinitionStoreUnavailableError
from runfold.processors.delivery import tables
from runfold.processors.delivery.errors import DeliveryTablesError, Fenced
from runfold.processors.delivery.settings import DeliverySettings
from runfold.producers.errors import LogError
from runfold.producers.log.kafka import Publisher
from runfold.producers.log.ownership.shared import Shared
from runfold.producers.log.stalls import stall_watch
from runfold.producers.schema_registry.chosen import registry_of
from runfold.surfaces.application.rendering import event_of, to_json

try:
    from runfold.infra.http.outgoing import OutgoingRules
    from runfold.processors.delivery.book import Book
    from runfold.processors.delivery.delivery import Delivery, Parts
    from runfold.processors.delivery.webhooks.watching import Sending, SendingWatch
except ModuleNotFoundError as missing:
    sys.stderr.write(f"Delivery needs {missing.name}: pip install 'runfold[delivery]'\n")
    raise SystemExit(2) from missing

_LONGEST_ATTEMPT_S = 60.0

_log = logging.getLogger("runfold.delivery")


def main() -> int:
    """Deliver with the settings of the environment and return the exit code."""
    ends: Ends = {
        Fenced: ExitCode.OVERTAKEN,
        DeliveryTablesError: ExitCode.WRONG_SETTINGS,
        DatabaseAwayError: ExitCode.CANNOT_GO_ON,
        DefinitionStoreUnavailableError: ExitCode.CANNOT_GO_ON,
        LogError: ExitCode.CANNOT_GO_ON,
        psycopg.Error: ExitCode.CANNOT_GO_ON,
    }
    return serve("runfold-delivery", DeliverySettings.read, _work, ends)


def _work(process: Process, settings: DeliverySettings) -> int:
    config, taken = process.config, process.taken.values
    kafka = dict(config.kafka)
    # Again: the database may have been away at the first look.
    binding.need(kafka, settings.database_url, _log.warning)
    tables.ensure(settings.database_url)
    codec = reading_codec(registry_of(config.schema_registry_url), lambda: kafka, taken)
    with following(kafka, codec) as known:
        writer = Publisher(kafka, codec, "runfold/delivery")
        parts = Parts(
            kafka=kafka,
            database_url=settings.database_url,
            codec=Codec(codec.registry),
            reading=codec,
            book=Book(known.store, writer),
            secrets=every_secret(taken, SECRETS_FOLDER.read()),
            rules=OutgoingRules.read(),
            settings=settings,
            render=_public,
            owner=f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4().hex[:8]}",
        )
        make = partial(Delivery, parts)
        shared = Shared(settings.ownership(), make, settings.again_s, Fenced, "delivery")
        watches = (
            stall_watch(config, shared.reading, shared.stall),
            SendingWatch(
                settings.database_url, partial(_sending, shared), _after_s(config), shared.stall
            ),
        )
        try:
            with process.working(shared.stop, *watches):
                shared.run()
        finally:
            writer.close()
    return process.stalled(shared.stalled)


def _sending(shared: Shared[Delivery]) -> Sending | None:
    worker = shared.worker()
    return worker.sending() if worker is not None else None


def _after_s(config: Config) -> float:
    """Return after how long sending that stands still is ended: no attempt lasts so long."""
    return config.stall_after + _LONGEST_ATTEMPT_S


def _public(event: Event) -> Any:
    return json.loads(to_json(event_of(event)))


if __name__ == "__main__":
    sys.exit(main())
