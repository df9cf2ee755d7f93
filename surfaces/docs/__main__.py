"""``python -m runfold.surfaces.docs`` writes the generated pages; ``--check`` compares them."""

from __future__ import annotations

import sys

from runfold.projections import docs as tables
from runfold.surfaces.docs.pages import outdated, write


def main(arguments: list[str]) -> int:
    """Write the pages, or with ``--check`` return 1 and name those that are out of date."""
    if "--check" not in arguments:
        for name in write():
            print(f"wrote {name}")
        return tables.main([])
    stale = outdated()
    for name in stale:
        print(f"{name} is out of date: run `make docs` and commit what it writes.", file=sys.stderr)
    return max(tables.main(["--check"]), 1 if stale else 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
