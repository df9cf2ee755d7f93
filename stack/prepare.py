"""``python -m runfold.stack.prepare``: make the topics, once, before all else starts.

It first looks whether Kafka can be used at all: whether it answers, lets us in, and allows what is
needed. It checks the topics that are there, and refuses a setting that breaks a guarantee; with
``--mend`` it sets every setting as declared. With ``--remake`` it makes an input topic again that
was given more partitions, while nothing runs.

Where DATABASE_URL is set, it also says whether that database can be used.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from runfold.events.topics import TOPICS
from runfold.infra.database import migrate, preflight
from runfold.infra.database.errors import DatabaseAwayError
from runfold.infra.kafka import preflight as kafka_preflight
from runfold.infra.kafka.errors import KafkaAwayError
from runfold.infra.kafka.rights import PREPARE
from runfold.infra.process.exit_codes import ExitCode
from runfold.infra.process.usage import is_asked, need_known, usage
from runfold.infra.settings.errors import ConfigError
from runfold.stack.errors import StackError
from runfold.stack.kafka.remaking import remake
from runfold.stack.kafka.topics import ensure_topics
from runfold.stack.settings import Settings

_MEND = "--mend"
_REMAKE = "--remake"
_OPTIONS = {
    _MEND: "set every setting of the topics as declared, instead of refusing wrong ones",
    _REMAKE: "make input topics again that were given more partitions, with what is not decided",
}


def main() -> int:
    """Create what is missing and say so; else one sentence, and the exit code of any process."""
    arguments = sys.argv[1:]
    if is_asked(arguments):
        sys.stdout.write(usage(PREPARE, __doc__ or PREPARE, _OPTIONS))
        return ExitCode.TOLD_TO_END
    try:
        need_known(arguments, _OPTIONS)
        made = _prepare(Settings.from_env(), arguments)
    except (StackError, ConfigError) as error:
        sys.stderr.write(f"Error: {error}\n")
        return ExitCode.WRONG_SETTINGS
    except (KafkaAwayError, DatabaseAwayError) as error:
        sys.stderr.write(f"Error: {error}\n")
        return ExitCode.CANNOT_GO_ON
    sys.stdout.write(f"topics made: {', '.join(made) or 'none, all were there'}\n")
    return ExitCode.TOLD_TO_END


def _prepare(settings: Settings, arguments: Sequence[str]) -> tuple[str, ...]:
    kafka = settings.kafka_config()
    kafka_preflight.need(kafka, [PREPARE], kafka_preflight.WAIT_S, _warn)
    if _REMAKE in arguments:
        remake(kafka, settings.partitions, settings.home, _say)
    mend = _MEND in arguments
    made = ensure_topics(kafka, TOPICS, settings.partitions, mend=mend, report=_warn)
    if settings.database_url:
        preflight.need(settings.database_url, [migrate.PART], preflight.WAIT_S, _warn)
    return made


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _warn(line: str) -> None:
    sys.stderr.write(f"Warning: {line}\n")


if __name__ == "__main__":
    sys.exit(main())
