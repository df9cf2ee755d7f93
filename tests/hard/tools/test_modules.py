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
from runfold.processors.tool.children import importing as module_of_importing
from runfold.processors.tool.children.importing import pause_s
from tests.deciders.given import tool
from tests.hard.tools.nest import SETTINGS, Nest, children_of, fault, lives, value

ROOT = Path(__file__).parents[3]
GREETING = """
import os
import runfold

@runfold.tool(risk_level=0)
def greet() -> list[int]:
    "Say who this is."
    return [os.getpid(), os.getppid()]
"""
_POLLS = """
import threading
threading.Thread(target=threading.Event().wait, name='poll', daemon=True).start()
"""
_AS_NUMPY = """
import ctypes, os
if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
    library, made = ctypes.CDLL(None), ctypes.c_ulong()
    library.pthread_create(ctypes.byref(made), None, library.pause, None)
"""
"""A module that starts a thread as OpenBLAS does: while it is imported, unless told not to."""
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
        (
            "raise SystemExit('no')",
            "greeting_child cannot be imported: SystemExit: no (greeting_child.py:1).",
        ),
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


def test_a_call_waits_for_an_import_no_longer_than_it_may_run(write: Write) -> None:
    with nested(write("import time\ntime.sleep(600)")) as nest:
        late = nest.one("greet", 200)
    assert fault(late)[:2] == ("failed", "unavailable")
    assert "still being imported" in fault(late)[2]
    assert late.error is not None
    assert late.error.retryable


def test_an_import_goes_on_when_those_who_wait_give_up(write: Write, tmp_path: Path) -> None:
    started = tmp_path / "started"
    slow = f"import time, pathlib\npathlib.Path({str(started)!r}).open('a').write('x')\n"
    with nested(write(f"{slow}time.sleep(2)\n{GREETING}")) as nest:
        results = [nest.one("greet", 300)]
        while results[-1].error is not None:
            assert results[-1].error.retryable
            results.append(nest.one("greet", 300))
    assert len(results) > 1
    assert started.read_text() == "x"


def test_an_import_that_takes_long_holds_few_places(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module_of_importing, "_LONG_S", 0.3)
    with nested(write("import time\ntime.sleep(600)")) as nest:

        async def story() -> tuple[list[ToolResult], int]:
            calls = [asyncio.create_task(nest.call("greet", 60_000)) for _ in range(12)]
            while sum(call.done() for call in calls) < 8:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.05)
            waiting = [call for call in calls if not call.done()]
            for call in waiting:
                call.cancel()
            await asyncio.wait(waiting)
            return [call.result() for call in calls if not call.cancelled()], len(waiting)

        refused, waiting = nest.run(story)
    assert waiting == 4
    assert {fault(result)[:2] for result in refused} == {("failed", "unavailable")}
    assert all(result.error is not None and result.error.retryable for result in refused)


def test_a_module_that_fails_is_left_alone_for_longer_each_time() -> None:
    assert [pause_s(failures) for failures in (1, 2, 3, 100)] == [5.0, 10.0, 20.0, 300.0]


def test_a_worker_that_is_not_imported_in_time_is_ended(write: Write, tmp_path: Path) -> None:
    before = children_of(os.getpid())
    first = tmp_path / "first"
    holds = (
        f"import pathlib, threading, time\nfirst = pathlib.Path({str(first)!r})\n"
        "if first.exists():\n    time.sleep(600)\nfirst.touch()\n"
        "threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    )
    with nested(write(holds + GREETING), import_s=20.0) as nest:
        # The first import says what the module is like; no worker comes of those after it.
        late = nest.one("greet", 4000)
        assert fault(late)[:2] == ("failed", "unavailable")
        assert children_of(os.getpid()) - before
    while children_of(os.getpid()) - before:
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("holds", "said"),
    [
        (_POLLS, "1 thread (poll)"),
        ("import socket\nkept = socket.socketpair()", "2 open files (socket:["),
        (_AS_NUMPY.replace("_NUM_THREADS", "_OWN_THREADS"), "1 thread (python"),
    ],
)
def test_what_cannot_be_copied_is_imported_for_each_call(
    holds: str, said: str, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    with nested(write(holds + GREETING)) as nest:

        async def story() -> list[ToolResult]:
            return await asyncio.gather(nest.call("greet"), nest.call("greet"))

        pids = [value(result) for result in nest.run(story)]
        pids.append(value(nest.one("greet")))
    assert {parent for _, parent in pids} == {os.getpid()}
    assert len({pid for pid, _ in pids}) == 3
    (line,) = [each.getMessage() for each in caplog.records if "for each call" in each.message]
    assert line.startswith(f"greeting_child holds {said}")


@pytest.mark.parametrize(("set_by_user", "copied"), [(None, True), ("2", False)])
def test_a_module_of_numpy_is_copied_unless_the_user_gives_it_threads(
    set_by_user: str | None, copied: bool, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    if set_by_user is not None:
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", set_by_user)
    with nested(write(_AS_NUMPY + GREETING)) as nest:
        parents = {value(nest.one("greet"))[1] for _ in range(2)}
    assert len(parents) == 1
    assert (os.getpid() not in parents) is copied


def test_each_call_has_a_copy_of_its_own_and_one_is_ready_for_the_next(write: Write) -> None:
    with nested(write(GREETING)) as nest:
        (first, parent), (second, again) = value(nest.one("greet")), value(nest.one("greet"))
        assert first != second
        assert parent == again != os.getpid()
        while not (ahead := [w.pid for m in nest.children._modules.values() for w in m._idle]):
            time.sleep(0.01)
        nest.run(lambda: _swept(nest))
        while lives(ahead[0]):
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
from tests.hard.tools.nest import Nest, children_of, value

async def story(nest):
    _, nursery = value(await nest.call("family"))
    hangs = asyncio.create_task(nest.call("hangs", seconds=600.0))
    while len(found := children_of(nursery)) < 2:
        await asyncio.sleep(0.05)
    print(json.dumps([nursery, *found]), flush=True)
    await hangs

with Nest() as nest:
    nest.run(lambda: story(nest))
"""


def test_children_end_with_the_process_that_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _MAIN], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        nursery, *workers = json.loads(process.stdout.readline())
        assert lives(nursery)
        assert len(workers) >= 2
        process.send_signal(signal.SIGKILL)
    while any(map(lives, (nursery, *workers))):
        time.sleep(0.01)
