"""Make sure that the topics exist: ``python -m stack.prepare``, once before all else starts."""

from __future__ import annotations

import sys

from events.topics import TOPICS
from stack.errors import StackError
from stack.settings import Settings
from stack.topics import ensure_topics


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
