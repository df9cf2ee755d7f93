"""No long file is begun when the other workers are done."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.support.order import known, longest_first, table


@dataclass(frozen=True)
class Collected:
    """A test as pytest collects it."""

    nodeid: str
    marks: tuple[str, ...] = ()

    def get_closest_marker(self, name: str) -> str | None:
        return name if name in self.marks else None


def test_a_file_comes_as_early_as_it_takes_long_and_stays_together() -> None:
    collected = [
        Collected("a.py::quick"),
        Collected("b.py::quick"),
        Collected("b.py::new, on servers", ("integration",)),
        Collected("c.py::first", ("integration", "crash")),
        Collected("c.py::second"),
        Collected("d.py::measured", ("integration",)),
        Collected("e.py::measured, without a mark"),
    ]

    assert [item.nodeid for item in longest_first(collected, {"d.py": 90.0, "e.py": 30.0})] == [
        "d.py::measured",
        "c.py::first",
        "c.py::second",
        "e.py::measured, without a mark",
        "b.py::quick",
        "b.py::new, on servers",
        "a.py::quick",
    ]


def test_the_table_is_made_from_the_report_of_a_run(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    for name in ("test_long.py", "test_longer.py", "test_short.py"):
        (tmp_path / "tests" / name).touch()
    took = {"test_long": 21.4, "test_longer.TestClass": 60, "test_short": 2, "test_gone": 99}
    cases = "".join(f'<testcase classname="tests.{n}" time="{s}"/>' for n, s in took.items())
    more = '<testcase classname="tests.test_longer" time="2.0"/>'
    file = tmp_path / "durations.txt"

    file.write_text("\n".join(table(f"<testsuite>{cases}{more}</testsuite>", tmp_path)))

    assert list(known(file).items()) == [("tests/test_longer.py", 62), ("tests/test_long.py", 21)]


def test_the_table_still_knows_most_files() -> None:
    """A file that was moved is only handed out later; when most were, nothing is in order."""
    there = [(Path(__file__).parents[2] / file).is_file() for file in known()]

    assert sum(there) > 0.7 * len(there), "`python -m tests.support.order` makes the table again"
