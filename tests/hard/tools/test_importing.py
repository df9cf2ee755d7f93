"""``apply`` imports a tool's module in a process of its own, and some names never."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runfold.processors.definitions.unusable import unusable
from runfold.processors.tool.python.names import refusal_of
from runfold.surfaces.manifests import bases as module_of_bases
from runfold.surfaces.manifests.bases import bases
from runfold.surfaces.manifests.tool import UnusableBaseError
from tests.deciders.given import tool
from tests.definitions.given import TOOL, faults_of

WHOLE = "  description: a tool\n  input_schema: {type: object}\n"
GREETING = """
from runfold import tool

@tool(risk_level=1)
def greet(name: str) -> str:
    "Greet a person."
    return name
"""
Write = Callable[[str], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    monkeypatch.syspath_prepend(str(tmp_path))
    return lambda text: tmp_path.joinpath("greeting_apart.py").write_text(text) and None


def greeting() -> object:
    return bases((), ["greeting_apart"])("python:greeting_apart:greet")


@pytest.mark.parametrize(
    "implementation",
    [
        "python:os:system", "python:subprocess:run", "python:builtins:eval", "python:__main__:main",
        "python:os.path:join", "python:shop:__class__", "python:shop.__init__:f",
        "python:shop:f.__globals__", "python:shop:", "python::f", "python:shop..a:f",
    ],
)  # fmt: skip
def test_some_names_are_never_tools(implementation: str) -> None:
    assert refusal_of(implementation)
    assert unusable(tool("send", implementation=implementation)).startswith("implementation: ")


@pytest.mark.parametrize("use", ["python:os:system", "python:shop:__class__"])
def test_apply_refuses_them_also_where_the_manifest_says_everything(
    use: str, tmp_path: Path
) -> None:
    (told,) = faults_of(tmp_path)(TOOL.replace("builtin:files.read", use) + WHOLE)
    assert "spec.use" in told


def test_a_module_is_imported_apart_and_its_contract_is_the_same(write: Write) -> None:
    write(GREETING)
    found = greeting()
    assert "greeting_apart" not in sys.modules
    assert found == module_of_bases.bases(
        (), ["greeting_apart"], describe=module_of_bases.imported_here
    )("python:greeting_apart:greet")


def test_a_module_sees_no_secret_and_its_words_are_no_answer(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNFOLD_SECRET_CRM", "s3cret")
    monkeypatch.setenv("OPENAI_API_KEY", "s3cret")
    write(
        "import os\nprint('{}')\nos.write(1, b'{}')\n"
        "assert 's3cret' not in os.environ.values()\n" + GREETING
    )
    assert greeting() is not None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import os\nos._exit(3)", "ended with 3"),
        ("raise SystemExit('no')", "SystemExit: no"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "ended with -11"),
        ("x = bytearray(64 * 1024**3)", "MemoryError"),
        ("raise RuntimeError('no key')", "RuntimeError: no key"),
        ("", "has no attribute 'greet'"),
    ],
)
def test_a_module_that_breaks_costs_one_sentence(text: str, said: str, write: Write) -> None:
    write(text)
    with pytest.raises(UnusableBaseError, match=said):
        greeting()


def test_a_module_that_never_ends_is_cut_off_with_all_it_started(
    write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module_of_bases, "_WAIT_S", 2.0)
    write(
        "import subprocess, time, pathlib\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(child.pid))\n"
        "time.sleep(600)"
    )
    with pytest.raises(UnusableBaseError, match="not imported within"):
        greeting()
    pid = tmp_path / "pid"
    while pid.exists() and lives(pid.read_text()):
        time.sleep(0.05)


def lives(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
