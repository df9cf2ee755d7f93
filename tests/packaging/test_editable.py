"""An editable install puts `src` on the path, and nothing else of the checkout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.packaging.building import Environment, copied_sources, new_environment
from tests.packaging.given import NAMES
from tests.packaging.typing import COMPLAINTS, PROGRAM, mypy

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied_sources(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="module", params=["compat", "lenient"])
def installed(
    request: pytest.FixtureRequest, checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> Environment:
    """The checkout, installed as `make env` does, and as plain `pip install -e` does."""
    made = new_environment(tmp_path_factory.mktemp("environment"))
    made.install(
        "--no-deps", "--no-build-isolation",
        "--config-settings", f"editable_mode={request.param}", "--editable", checkout,
    )  # fmt: skip
    return made


def test_only_src_is_added_to_the_path(
    installed: Environment, checkout: Path, tmp_path: Path
) -> None:
    looked = """
import importlib.util
import json
import sys

names = NAMES
print(json.dumps([
    [entry for entry in sys.path if entry.startswith("CHECKOUT")],
    [name for name in names if importlib.util.find_spec(name)],
    importlib.util.find_spec("runfold.events.values").origin,
]))
""".replace("NAMES", repr(NAMES)).replace("CHECKOUT", str(checkout))
    source = checkout / "src"

    assert json.loads(installed.program(looked, tmp_path)) == [
        [str(source)],
        [],
        str(source / "runfold" / "events" / "values.py"),
    ]


def test_mypy_reads_the_types_of_the_checkout(installed: Environment, tmp_path: Path) -> None:
    assert mypy(installed, PROGRAM, tmp_path) == COMPLAINTS
