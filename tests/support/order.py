"""In which order tests are handed to the workers: the files that take longest first.

``python -m tests.support.order junit.xml`` takes the times of a whole run
(``make test PYTEST=--junitxml=junit.xml``) into ``durations.txt``, which is kept with the tests.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol, TypeVar
from xml.etree import ElementTree as ET

DURATIONS = Path(__file__).with_name("durations.txt")
"""Seconds and file, a line each, of the files that take long."""

_ROOT = Path(__file__).parents[2]
_LONG_S = 20.0
_GUESSED_S = {"crash": 60.0, "integration": 15.0}
"""By mark, what a file takes that the table does not know: it may be a new one."""


class Collected(Protocol):
    """What is asked of a test that pytest has collected."""

    @property
    def nodeid(self) -> str:
        """Its file and its name."""

    def get_closest_marker(self, name: str) -> object:
        """Return the mark of this name, or None."""


Item = TypeVar("Item", bound=Collected)


def known(file: Path = DURATIONS) -> dict[str, float]:
    """Return the seconds of each file in the table."""
    pairs = (line.split(maxsplit=1) for line in file.read_text().splitlines())
    return {name: float(seconds) for seconds, name in pairs}


def longest_first(items: Iterable[Item], durations: Mapping[str, float]) -> list[Item]:
    """Return the tests in an order in which no long file is left for the end.

    A file stays together, and every test keeps its place in its file.
    """
    found = list(items)
    seconds: dict[str, float] = {}
    for item in found:
        file = _file(item)
        seconds[file] = max(seconds.get(file, 0.0), durations.get(file) or _guessed(item))
    return sorted(found, key=lambda item: -seconds[_file(item)])


def _file(item: Collected) -> str:
    return item.nodeid.partition("::")[0]


def _guessed(item: Collected) -> float:
    marked = (seconds for mark, seconds in _GUESSED_S.items() if item.get_closest_marker(mark))
    return next(marked, 0.0)


def table(junit: str, root: Path = _ROOT) -> Iterator[str]:
    """Yield the lines of the table that the report of a whole run makes, the longest file first."""
    took = Counter[str]()
    for case in ET.fromstring(junit).iter("testcase"):
        names = case.get("classname", "").split(".")
        # What stands behind the file's name is a class of it.
        files = ("/".join(names[:end]) + ".py" for end in range(len(names), 0, -1))
        file = next((file for file in files if (root / file).is_file()), None)
        if file is not None:
            took[file] += float(case.get("time", "0"))
    for file, seconds in took.most_common():
        if seconds >= _LONG_S:
            yield f"{seconds:.0f} {file}"


if __name__ == "__main__":
    DURATIONS.write_text("\n".join(table(Path(sys.argv[1]).read_text())) + "\n")
