"""``python -m runfold.stack.prepare``: make the topics, once, before all else starts."""

from __future__ import annotations

import sys

from runfold.events.topics import TOPICS
from runfold.stack.errors import StackError
from runfold.stack.kafka.topics import ensure_topics
from runfold.stack.settings import Settings


def main() -> int:
    """Create what is missing and say so; 1 with one sentence where that is impossible."""
    try:
        settings = Settings.from_env()
        made = ensure_topics(settings.kafka_config(), TOPICS, settings.partitions)
    except StackError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    sys.stdout.write(f"topics made: {', '.join(made) or 'none, all were there'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
