"""``python -m runfold``: the command line."""

from __future__ import annotations

from runfold.surfaces.cli.__main__ import main

if __name__ == "__main__":
    main()
