"""``python -m runfold.events.avro``: write the schemas; ``--check`` them; ``--release`` them."""

from __future__ import annotations

import argparse
import sys

from runfold.events.avro.compatibility import incompatibilities
from runfold.events.avro.files import SchemaFolder
from runfold.events.avro.releases import drift, release, write
from runfold.events.errors import SchemaError


def main() -> int:
    """Return 0 if the schemas are as they should be, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m runfold.events.avro", description=__doc__)
    action = parser.add_mutually_exclusive_group()
    action.add_argument(
        "--check", action="store_true", help="fail if a file is not as it should be"
    )
    action.add_argument("--release", action="store_true", help="freeze every draft for good")
    chosen = parser.parse_args()
    folder = SchemaFolder()
    try:
        problems = drift(folder)
        if not chosen.check and not any("is released" in problem for problem in problems):
            write(folder)
            problems = []
        problems += incompatibilities(folder)
        if chosen.release and not problems:
            for line in release(folder):
                print(f"released {line}")
    except SchemaError as error:
        problems = [str(error)]
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems and chosen.check:
        print("Run `python -m runfold.events.avro` and commit what it writes.", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
