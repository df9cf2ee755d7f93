"""``python -m runfold.stack.prepare``: make the topics, once, before all else starts.

It checks those that are there, and refuses a setting that breaks a guarantee; with ``--mend`` it
sets every setting as declared.

Where DATABASE_URL is set, it also says whether that database can be used.
"""

from __future__ import annotations

import sys

from runfold.events.topics import TOPICS
from runfold.infra.database import migrate, preflight
from runfold.infra.database.errors import DatabaseAwayError
from runfold.infra.settings.errors import ConfigError
from runfold.stack.errors import StackError
from runfold.stack.kafka.topics import ensure_topics
from runfold.stack.settings import Settings


def main() -> int:
    """Create what is missing and say so; 1 with one sentence where that is impossible."""
    try:
        settings = Settings.from_env()
        made = ensure_topics(
            settings.kafka_config(),
            TOPICS,
            settings.partitions,
            mend="--mend" in sys.argv[1:],
            report=_warn,
        )
        if settings.database_url:
            preflight.need(settings.database_url, [migrate.PART], preflight.WAIT_S)
    except (StackError, ConfigError, DatabaseAwayError) as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    sys.stdout.write(f"topics made: {', '.join(made) or 'none, all were there'}\n")
    return 0


def _warn(line: str) -> None:
    sys.stderr.write(f"Warning: {line}\n")


if __name__ == "__main__":
    sys.exit(main())
