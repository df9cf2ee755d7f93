"""What had to run again: two files of pytest's cache, from before and after the second run.

A test that passes only alone was starved by others, or is flaky. Either is a fault to mend, so the
last lines of a build count and name it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection
from pathlib import Path


def failed(cache: Path) -> list[str]:
    """The tests that pytest remembers as failed, in the order of their names."""
    if not cache.exists():
        return []
    return sorted(json.loads(cache.read_text(encoding="utf-8")))


def block(first: Collection[str], left: Collection[str]) -> str:
    """Return what ran again and how it ended, as a build says it."""
    count = f"run again: {len(first)} test{'' if len(first) == 1 else 's'}"
    ends = (f"  {'failed' if name in left else 'passed'} alone: {name}" for name in first)
    return "\n".join([f"{count}:" if first else count, *ends])


if __name__ == "__main__":
    print(block(*(failed(Path(name)) for name in sys.argv[1:])))
