"""``python -m benchmarks.performance`` writes page and plots.

``--take`` copies the figures of build/ first; ``--check`` only says what is out of date.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from benchmarks.performance import page


def main(arguments: Sequence[str]) -> int:
    """Write, or with ``--check`` return 1 and name the files that are out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--take", action="store_true", help="copy build/*.json first")
    parser.add_argument("--check", action="store_true", help="write nothing")
    chosen = parser.parse_args(arguments)
    if chosen.check:
        for name in (stale := page.outdated()):
            print(
                f"{name} is out of date: run `python -m benchmarks.performance`.", file=sys.stderr
            )
        return 1 if stale else 0
    for name in page.take() if chosen.take else []:
        print(f"took build/{name}")
    for name in page.write():
        print(f"wrote {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
