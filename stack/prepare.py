"""``python -m runfold.stack.prepare``: make the topics, once, before all else starts.

It first looks whether Kafka can be used at all: whether it answers, lets us in, and allows what is
needed. It checks the topics that are there, and refuses a setting that breaks a guarantee; with
``--mend`` it sets every setting as declared. With ``--remake`` it makes an input topic again that
was given more partitions, while nothing runs.

Where DATABASE_URL is set, it also says whether that database can be used, and puts it and the
topics together as one deployment; those of two are refused. With ``--adopt`` they are put together
whatever they say, while nothing runs: members of our consumer groups are waited for a minute, then
it is refused.

With ``--roles`` it asks no server: it prints the statements and commands with which administrators
give each process its own login, and that login its rights alone.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from confluent_kafka import KafkaException

from runfold.events.topics import EVENTS, TOPICS
from runfold.infra.database import migrate, preflight
from runfold.infra.database.address import DEFAULT, schema_in
from runfold.infra.database.errors import DatabaseAwayError
from runfold.infra.database.roles_script import statements
from runfold.infra.deployment import binding, journal, members
from runfold.infra.deployment.identity import ADOPT, Binding
from runfold.infra.deployment.naming import Naming
from runfold.infra.kafka import preflight as kafka_preflight
from runfold.infra.kafka.errors import KafkaAwayError
from runfold.infra.kafka.rights import PREPARE
from runfold.infra.kafka.rights_script import commands
from runfold.infra.process.exit_codes import ExitCode
from runfold.infra.process.usage import is_asked, need_known, usage
from runfold.infra.settings.errors import ConfigError
from runfold.stack.errors import StackError
from runfold.stack.kafka.remaking import remake
from runfold.stack.kafka.topics import ensure_topics
from runfold.stack.settings import Settings

_MEND = "--mend"
_REMAKE = "--remake"
_ROLES = "--roles"
_OPTIONS = {
    _ROLES: "print what gives each process its own rights at Kafka and Postgres, and do nothing",
    _MEND: "set every setting of the topics as declared, instead of refusing wrong ones",
    _REMAKE: "make input topics again that were given more partitions, with what is not decided",
    ADOPT: "take this database and these topics for one deployment's, whatever they were before",
}


def main() -> int:
    """Create what is missing and say so; else one sentence, and the exit code of any process."""
    arguments = sys.argv[1:]
    if is_asked(arguments):
        sys.stdout.write(usage(PREPARE, __doc__ or PREPARE, _OPTIONS))
        return ExitCode.TOLD_TO_END
    try:
        need_known(arguments, _OPTIONS)
        if _ROLES in arguments:
            _print_roles(Settings.from_env())
            return ExitCode.TOLD_TO_END
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
    kafka, adopt = settings.kafka_config(), ADOPT in arguments
    kafka_preflight.need(kafka, [PREPARE], kafka_preflight.WAIT_S, _warn)
    if adopt:
        _need_nobody(kafka)
    # Before anything is made: what belongs to another deployment stays as it is.
    bound = _begun(settings, adopt=adopt)
    if _REMAKE in arguments:
        remake(kafka, settings.partitions, settings.home, _say)
    born = {EVENTS: {journal.SETTING: bound.mark}} if bound else {}
    mend = _MEND in arguments
    made = ensure_topics(kafka, TOPICS, settings.partitions, mend=mend, report=_warn, born=born)
    if bound:
        binding.finish(kafka, settings.database_url, bound, _warn, adopt=adopt)
    return made


def _print_roles(settings: Settings) -> None:
    schema = settings.database_schema or schema_in(settings.database_url) or DEFAULT
    _say("-- Postgres, as an administrator")
    for line in statements(schema):
        _say(line)
    _say("")
    _say("# Kafka: add --bootstrap-server and --command-config to each")
    for line in commands(Naming(settings.deployment)):
        _say(line)


def _need_nobody(kafka: Mapping[str, object]) -> None:
    try:
        members.need_nobody(kafka, _say)
    except KafkaException as error:
        _warn(f"whether processes still run cannot be seen: {error.args[0].str()}")


def _begun(settings: Settings, *, adopt: bool) -> Binding | None:
    """Return what the database says of itself, None where there is none or it may say nothing."""
    url = settings.database_url
    if not url:
        return None
    preflight.need(url, [migrate.PART], preflight.WAIT_S, _warn)
    if not adopt:
        binding.need(settings.kafka_config(), url, _warn)
    return binding.begin(url, _warn)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _warn(line: str) -> None:
    sys.stderr.write(f"Warning: {line}\n")


if __name__ == "__main__":
    sys.exit(main())
