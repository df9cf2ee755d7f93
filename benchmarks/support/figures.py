"""Where figures are kept between a measurement and the page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

BUILD = Path("build")


def keep(name: str, figures: dict[str, Any]) -> Path:
    """Write figures to build/NAME.json and return the place."""
    BUILD.mkdir(exist_ok=True)
    target = BUILD / f"{name}.json"
    target.write_text(json.dumps(figures, indent=2) + "\n")
    return target


def kept(name: str) -> dict[str, Any]:
    """Return what was written last, empty where nothing was."""
    target = BUILD / f"{name}.json"
    found: dict[str, Any] = json.loads(target.read_text()) if target.exists() else {}
    return found
