"""No long file is begun when the other workers are done."""

from __future__ import annotations

from dataclasses import dataclass

from tests.support.order import longest_first


@dataclass(frozen=True)
class Collected:
    """A test as pytest collects it."""

    nodeid: str
    marks: tuple[str, ...] = ()

    def get_closest_marker(self, name: str) -> str | None:
        return name if name in self.marks else None


def test_a_file_comes_as_early_as_its_longest_test_and_stays_together() -> None:
    collected = [
        Collected("a.py::quick"),
        Collected("b.py::quick"),
        Collected("b.py::on servers", ("integration",)),
        Collected("c.py::first", ("integration", "crash")),
        Collected("c.py::second"),
        Collected("d.py::on servers", ("integration",)),
    ]

    assert [item.nodeid for item in longest_first(collected)] == [
        "c.py::first",
        "c.py::second",
        "b.py::quick",
        "b.py::on servers",
        "d.py::on servers",
        "a.py::quick",
    ]
