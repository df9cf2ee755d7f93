"""The built wheel, installed beside packages and projects whose names were once ours."""

from __future__ import annotations

import json
import re
import subprocess
import zipfile
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from tests.docs.given import ROOT, tracked
from tests.packaging.building import (
    PATIENCE_S,
    Environment,
    built_wheel,
    clean_environment,
    new_environment,
)
from tests.packaging.declared import BASE, PACKAGES_OF_EXTRAS, TOOLS_OF_TESTS, names
from tests.packaging.given import CALL_THE_TOOL, NAMES, TOOLS, project
from tests.packaging.typing import COMPLAINTS, PROGRAM, mypy

_IN_THE_WHEEL = NAMES[: NAMES.index("tests")]


pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The wheel beside opensearch-py, whose dependency Events is imported as a bare name."""
    made = new_environment(tmp_path_factory.mktemp("environment"))
    made.install("opensearch-py")
    made.install("--no-deps", wheel)
    return made


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """A project of one module of tools."""
    (tmp_path / "shop_tools.py").write_text(TOOLS, encoding="utf-8")
    return tmp_path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return project(tmp_path / "shop")


def test_the_wheel_holds_one_package_and_every_file_of_its_folders(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        names = {name for name in file.namelist() if ".dist-info/" not in name}
    ours = [file.relative_to(ROOT) for file in tracked()]
    expected = {f"runfold/{name}" for name in ours if name.parts[0] in _IN_THE_WHEEL}
    expected |= {str(name.relative_to("src")) for name in ours if name.parts[0] == "src"}

    assert names == {name for name in expected if not name.endswith(".gitignore")}


@pytest.mark.parametrize("order", [("runfold", "opensearchpy"), ("opensearchpy", "runfold")])
def test_opensearch_and_runfold_are_imported_together(
    installed: Environment, scripts: Path, order: tuple[str, str]
) -> None:
    modules = {
        "runfold": "runfold.events.catalogue, runfold.processors.run.decide, runfold.surfaces.cli",
        "opensearchpy": "opensearchpy, opensearchpy.helpers",
    }
    lines = [f"import {modules[name]}" for name in order]
    told = installed.program(
        "\n".join([*lines, "import runfold", "print(runfold.__file__)"]), scripts
    )

    assert Path(told.strip()) == installed.packages / "runfold" / "__init__.py"


def test_a_tool_that_imports_opensearch_runs_in_the_interpreter_of_the_pool(
    installed: Environment, scripts: Path
) -> None:
    told = installed.program(CALL_THE_TOOL, scripts)

    assert json.loads(told) == {"client": "opensearchpy.client", "words": "late", "call": "r.1"}


def test_a_project_keeps_its_own_names(installed: Environment, home: Path) -> None:
    imports = "\n".join(f"import {name}; print({name}.OWNER)" for name in NAMES)
    runfold = "\n".join(f"import runfold.{name}" for name in _IN_THE_WHEEL)
    told = installed.program(f"{runfold}\n{imports}\n", home)

    assert told.splitlines() == [
        line for name in NAMES for line in (f"the project's own {name} was imported", "the project")
    ]


@pytest.mark.parametrize(
    "command", [("python", "-m", "runfold", "--version"), ("runfold", "--version")]
)
def test_the_command_line_imports_nothing_of_the_project(
    installed: Environment, home: Path, command: tuple[str, ...]
) -> None:
    assert re.fullmatch(r"runfold \d+\.\d+\.\d+\S*\n", installed.run(*command, at=home))


@pytest.mark.parametrize(
    "module",
    [
        "runfold.processors.run",
        "runfold.processors.model",
        "runfold.processors.tool",
        "runfold.processors.monitor",
        "runfold.projections",
    ],
)
def test_a_process_started_in_the_project_imports_nothing_of_it(
    installed: Environment, home: Path, module: str
) -> None:
    unset = {
        name: value
        for name, value in clean_environment().items()
        if not name.startswith(("KAFKA_", "DATABASE_", "RUNFOLD_", "SCHEMA_"))
    }
    done = subprocess.run(
        [installed.python, "-m", module],
        cwd=home, env=unset, capture_output=True, text=True,
        timeout=PATIENCE_S, check=False,
    )  # fmt: skip

    # No server is named: the process starts, says so, and ends as for a missing setting.
    assert (done.returncode, done.stdout) == (2, "")
    assert "KAFKA_BOOTSTRAP_SERVERS" in done.stderr


def test_the_installed_command_finds_its_files_far_from_the_checkout(
    installed: Environment, tmp_path: Path
) -> None:
    read = """
from pathlib import Path

import runfold
from runfold.processors.tool import builtin_contracts
from runfold.stack.kafka.jars import read_lock
from runfold.surfaces.manifests.load import load

example = Path(runfold.__file__).parent / "examples" / "log-triage"
builtins = builtin_contracts()
found = load(
    [example],
    env={"RUNFOLD_WORKSPACE": "/tmp"},
    base_of={tool.implementation: tool for tool in builtins}.get,
    builtins=builtins,
)
print(len(found.definitions) > 2, len(read_lock()) > 5)
"""

    assert installed.program(read, tmp_path) == "True True\n"
    assert "as they should be" in installed.run("runfold", "schemas", "check", at=tmp_path)
    assert "runs-succeed" in installed.run("runfold", "rules", at=tmp_path)


def test_pip_finds_what_the_wheel_needs_and_nothing_that_only_tests_need(
    wheel: Path, tmp_path: Path
) -> None:
    empty = new_environment(tmp_path / "empty")
    (empty.packages / "dependencies.pth").unlink()
    empty.install("--dry-run", "--report", tmp_path / "report.json", wheel)
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    found = {canonicalize_name(each["metadata"]["name"]) for each in report["install"]}

    assert {"runfold", *names(BASE)} <= found
    assert found & {*TOOLS_OF_TESTS, *PACKAGES_OF_EXTRAS} == set()


def test_mypy_reads_the_types_of_the_wheel(installed: Environment, tmp_path: Path) -> None:
    assert mypy(installed, PROGRAM, tmp_path) == COMPLAINTS
