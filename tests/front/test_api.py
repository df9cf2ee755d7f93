"""What `import runfold` gives, and what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import runfold
from tests.front.api import SNAPSHOT, lines


def test_the_public_names_and_signatures_are_those_on_record() -> None:
    """A change is meant: write it down with ``python -m tests.front.api``, and in the changelog."""
    assert list(lines()) == SNAPSHOT.read_text(encoding="utf-8").splitlines()


def test_every_public_name_is_listed_loaded_and_described() -> None:
    assert runfold.__all__ == sorted(runfold.__all__)
    assert set(runfold.__all__) <= set(dir(runfold))
    assert [name for name in runfold.__all__ if not getattr(runfold, name).__doc__] == []


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'runfold' has no attribute 'Conect'"):
        _ = runfold.Conect


def loaded_after(code: str) -> set[str]:
    """The packages that a new interpreter has loaded after some code, beside its own."""
    told = subprocess.run(
        [sys.executable, "-c", f"{code}; import sys; print(*sys.modules)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    tops = {name.partition(".")[0] for name in told.stdout.split()}
    return tops - set(sys.stdlib_module_names) - {"_distutils_hack", "__main__", "typing.io"}


def test_importing_runfold_loads_nothing_else() -> None:
    assert loaded_after("import runfold") == {"runfold"}


@pytest.mark.parametrize(
    "use", ["runfold.tool", "runfold.ToolContext", "runfold.Limits", "runfold.NotYetError"]
)
def test_a_module_of_tools_loads_no_kafka_and_no_database(use: str) -> None:
    assert loaded_after(f"import runfold; {use}") & {
        "confluent_kafka", "sqlalchemy", "psycopg", "faust", "opentelemetry", "typer",
    } == set()  # fmt: skip
