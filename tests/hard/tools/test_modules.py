"""A module of tools is imported in a process of its own, whatever it does while that happens."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from runfold.events.calls import ToolResult
from runfold.events.definitions import ToolContract
from tests.deciders.given import tool
from tests.hard.tools.nest import SETTINGS, Nest, fault, lives, value

ROOT = Path(__file__).parents[3]
GREETING = """
import os
import runfold

@runfold.tool(risk_level=0)
def greet() -> list[int]:
    "Say who this is."
    return [os.getpid(), os.getppid()]
"""
Write = Callable[[str], ToolContract]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    monkeypatch.syspath_prepend(str(tmp_path))

    def written(text: str) -> ToolContract:
        (tmp_path / "greeting_child.py").write_text(text)
        return tool("greet", implementation="python:greeting_child:greet", input_schema={})

    return written


def nested(*contracts: ToolContract, import_s: float = 100.0) -> Nest:
    settings = replace(SETTINGS, import_s=import_s)
    return Nest(*contracts, settings=settings, modules=("greeting_child",))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import os\nos._exit(3)", "its process ended with exit code 3"),
        ("raise SystemExit('no')", "greeting_child cannot be imported: SystemExit: no"),
        ("import os, signal\nos.kill(os.getpid(), 11)", "its process ended by SIGSEGV"),
        ("raise RuntimeError('no key')", "RuntimeError: no key"),
        ("import os\nos.closerange(3, 100)\nraise ValueError", "its process ended with exit code"),
        ("greet = 3", "has no tool 'greet'"),
        ("def greet(): pass", "has no tool 'greet'"),
    ],
)
def test_a_module_that_breaks_costs_one_sentence(text: str, said: str, write: Write) -> None:
    with nested(write(text)) as nest:
        outcome, kind, message = fault(nest.one("greet"))
    assert (outcome, kind) == ("failed", "unavailable")
    assert said in message
    assert "greeting_child" not in sys.modules


def test_a_module_that_never_ends_is_cut_off(write: Write) -> None:
    with nested(write("import time\ntime.sleep(600)"), import_s=1.0) as nest:
        first, second = nest.one("greet"), nest.one("greet")
    # The second call does not wait for the same again.
    assert fault(first) == fault(second)
    assert "was not imported within 1 s" in fault(first)[2]


@pytest.mark.parametrize(
    "holds",
    [
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()",
        "import socket\nkept = socket.socketpair()",
    ],
)
def test_what_cannot_be_copied_is_imported_by_each_worker(holds: str, write: Write) -> None:
    with nested(write(holds + GREETING)) as nest:

        async def story() -> list[ToolResult]:
            return await asyncio.gather(nest.call("greet"), nest.call("greet"))

        pids = [value(result) for result in nest.run(story)]
        again = value(nest.one("greet"))
    assert {parent for _, parent in pids} == {os.getpid()}
    assert len({pid for pid, _ in pids}) == 2
    assert again in pids


def test_workers_are_copies_where_that_is_safe_and_are_used_again(write: Write) -> None:
    with nested(write(GREETING)) as nest:
        (first, parent), (second, _) = value(nest.one("greet")), value(nest.one("greet"))
        assert first == second
        assert parent != os.getpid()
        nest.run(lambda: _swept(nest))
        while lives(first):
            time.sleep(0.01)
        assert value(nest.one("greet"))[1] == parent


async def _swept(nest: Nest) -> None:
    for module in nest.children._modules.values():
        await module.sweep(time.monotonic() + 1)


def test_code_that_is_not_what_was_published_does_not_run(write: Write) -> None:
    contract = write(GREETING).model_copy(update={"code_digest": "0" * 64})
    with nested(contract) as nest:
        assert fault(nest.one("greet"))[:2] == ("failed", "code_mismatch")


_MAIN = """
import asyncio, json, sys
from tests.hard.tools.nest import Nest, value

with Nest() as nest:
    pids = value(nest.one("family"))
    print(json.dumps(pids), flush=True)
    nest.one("hangs", seconds=600.0)
"""


def test_children_end_with_the_process_that_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _MAIN], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        worker, nursery = json.loads(process.stdout.readline())
        assert lives(worker)
        assert lives(nursery)
        process.send_signal(signal.SIGKILL)
    while lives(worker) or lives(nursery):
        time.sleep(0.01)
