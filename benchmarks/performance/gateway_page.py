"""docs/performance/gateway.md and its plots, drawn from the figures beside it.

``python -m benchmarks.performance.gateway_page`` writes them again; with names of parts (``http``,
``webhooks``) it takes what was measured last from build/ first.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.performance.growth_part import bars, table
from benchmarks.performance.page import between
from benchmarks.support.figures import kept

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "performance"
PAGE = "gateway.md"

Figures = Mapping[str, Any]
_MEASURED = "measured"


def take(name: str) -> None:
    """Copy what was measured last of a part beside the page and write everything again.

    What was not measured this time stays as it was.
    """
    target = _source(name)
    known = json.loads(target.read_text()) if target.exists() else {}
    measured = {_MEASURED: datetime.now(UTC).date().isoformat()}
    target.write_text(json.dumps({**known, **kept(name), **measured}, indent=1) + "\n")
    write()


def write() -> None:
    """Write the page and its plots from the figures beside them."""
    for file, text in generated().items():
        file.write_text(text)


def outdated() -> list[str]:
    """Return the names of files that do not say what the figures on record say."""
    return [
        file.name
        for file, text in generated().items()
        if not file.exists() or file.read_text() != text
    ]


def generated() -> dict[Path, str]:
    """Return what the page and the plots must be, by their places."""
    files: dict[Path, str] = {}
    page = (FOLDER / PAGE).read_text()
    for name, (part, charts, command) in _PARTS.items():
        text = f"Not measured yet: `{command}`."
        if _source(name).exists():
            figures = json.loads(_source(name).read_text())
            text = f"Taken on {figures.pop(_MEASURED)} by `{command}`.\n\n{part(figures)}"
            files |= {FOLDER / file: drawn for file, drawn in charts(figures).items()}
        page = between(page, name, text)
    return {**files, FOLDER / PAGE: page}


def http_part(figures: Figures) -> str:
    """Return the tables of requests, of streams and of idle listeners as Markdown."""
    asked = [
        [
            what, each.get("offered_per_s") or "as answered", each["per_s"], each["p50_ms"],
            each["p99_ms"], each["cpu_ms"],
        ]
        for what, each in figures.items() if "per_s" in each
    ]  # fmt: skip
    heard = [
        [
            what, each["heard"], each["p50_ms"], each["p99_ms"], each["cpu_ms"],
            each["cpu_ms_to_open"],
        ]
        for what, each in figures.items() if "heard" in each
    ]  # fmt: skip
    idle = [
        [what, each["rss_mb"], each["kb_each"], each["cores"]]
        for what, each in figures.items() if "rss_mb" in each
    ]  # fmt: skip
    head = ["request", "offered/s", "reached/s", "p50 ms", "p99 ms", "CPU ms each"]
    streams = ["streams", "events heard", "p50 ms", "p99 ms", "CPU ms an event", "CPU ms to open"]
    memory = ["idle", "resident MB", "KB each", "cores"]
    parts = ((head, asked), (streams, heard), (memory, idle))
    tables = ["\n".join(table(head, rows)) for head, rows in parts if rows]
    return "\n\n".join([*tables, "![Processor time of a request](gateway-cpu.svg)"])


def http_charts(figures: Figures) -> dict[str, str]:
    """Return the plot: processor time of each request."""
    values = [(_short(what), each["cpu_ms"]) for what, each in figures.items() if "per_s" in each]
    return {"gateway-cpu.svg": bars("Processor time of a request", "ms", values)}


def webhooks_part(figures: Figures) -> str:
    """Return the table of deliveries as Markdown."""
    names = ("events", "arrived", "per_second", "cpu_ms_each", "rss_mb")
    head = ["events", "arrived", "events/s", "CPU ms each", "resident MB"]
    return "\n".join(table(head, [[figures[name] for name in names]]))


def _none(figures: Figures) -> dict[str, str]:  # noqa: ARG001 - as all have it
    return {}


_PARTS: dict[str, tuple[Callable[[Any], str], Callable[[Any], dict[str, str]], str]] = {
    "http": (http_part, http_charts, "make bench-http"),
    "webhooks": (webhooks_part, _none, "make bench-webhooks"),
}


def _source(name: str) -> Path:
    return FOLDER / f"gateway-{name}.json"


def _short(what: str) -> str:
    return what.replace("connections", "conn.").replace("offered to", "to").replace("GET ", "")


def main(arguments: Sequence[str]) -> int:
    """Take the parts that are named, or write everything again."""
    for name in arguments:
        take(name)
    write()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
