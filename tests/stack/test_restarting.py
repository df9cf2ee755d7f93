"""Parts are restarted one after another, in another environment; the others go on."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from runfold.stack import restarting as asked
from runfold.stack.errors import StackError
from runfold.stack.home import Home
from runfold.stack.processes.process import started_at
from runfold.stack.settings import Settings
from runfold.stack.supervisor import orders, state
from runfold.stack.supervisor.member import Member, Patience
from runfold.stack.supervisor.orders import Mailbox, Order
from runfold.stack.supervisor.plan import Process, dump, load
from runfold.stack.supervisor.restarting import Restarting
from runfold.stack.supervisor.state import MemberState, State
from runfold.stack.supervisor.surroundings import Surroundings
from runfold.surfaces.application.errors import InvalidError
from runfold.surfaces.cli.operations.governing.keeping import need_keys_in_parts
from runfold.surfaces.cli.operations.stack.restarting import what_changed
from runfold.surfaces.processes import PROCESSES
from tests.stack.test_member import Script
from tests.support.stack import wait_until

FOREVER = "import time; time.sleep(600)"


def order(*parts: str) -> Order:
    return Order("one", parts, {"NAME": "value"})


def test_an_order_of_any_size_arrives_whole_and_rubbish_does_not(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path / "orders")
    assert (tmp_path / "orders").stat().st_mode & 0o777 == 0o600
    assert mailbox.take() == []
    # Half of an order, by somebody who was killed.
    os.write(mailbox.descriptor, b'{"id": "half", "parts": [')
    orders.send(tmp_path / "orders", order("tools"))
    for rubbish in (b"[]\n", b"{}\n", b'{"id": 1, "parts": 3, "environment": {}}\n', b"\xff\n"):
        os.write(mailbox.descriptor, rubbish)
    assert mailbox.take() == [order("tools")]
    assert mailbox.take() == []
    os.close(mailbox.descriptor)


def test_a_stack_that_takes_no_orders_is_one_sentence(tmp_path: Path) -> None:
    for file in (tmp_path / "none", tmp_path / "nobody"):
        with pytest.raises(StackError, match="takes no orders"):
            orders.send(file, order("tools"))
        os.mkfifo(tmp_path / "nobody") if file.name == "none" else None


class Parts:
    """Members whose programs are given, and what the restart has renewed."""

    def __init__(self, *programs: Script) -> None:
        self.members = [Member(each, Patience(first=0.0)) for each in programs]
        self.renewed: list[str] = []
        self.then: Callable[[Member], None] = lambda _: None
        for member in self.members:
            member.start()
        self.look(lambda: all(m.state == "running" for m in self.members))

    def renew(self, member: Member) -> None:
        self.renewed.append(member.program.name)
        self.then(member)

    def look(self, done: Callable[[], bool], restarting: Restarting | None = None) -> None:
        def looked() -> bool:
            for member in self.members:
                member.watch(1e9)
            if restarting is not None:
                restarting.look()
            return done()

        wait_until(looked, 60)

    def pids(self) -> list[int | None]:
        return [each.process.pid if each.process else None for each in self.members]

    def stop(self) -> None:
        for member in self.members:
            member.stop()


def test_one_ends_after_the_other_is_back_and_nobody_else_does() -> None:
    parts = Parts(*(Script(FOREVER, name=name) for name in ("a", "b", "c")))
    before = parts.pids()
    restarting = Restarting(order("c", "a"), parts.members, parts.renew)
    assert [member.state for member in parts.members] == ["running", "running", "stopping"]
    assert restarting.tell() == state.Restart("one", ("c", "a"))
    parts.look(lambda: parts.members[0].state == "stopping", restarting)
    assert parts.members[2].state == "running"
    assert parts.renewed == ["c"]
    parts.look(lambda: restarting.over, restarting)
    after = parts.pids()
    parts.stop()

    assert [old == new for old, new in zip(before, after, strict=True)] == [False, True, False]
    assert restarting.tell() == state.Restart("one")
    assert parts.renewed == ["c", "a"]
    # It did not end by itself.
    assert [member.restarts for member in parts.members] == [0, 0, 0]


def test_the_next_one_ends_only_when_the_one_before_works() -> None:
    class Slow(Script):
        ready = True

        def is_ready(self) -> bool:
            return self.ready

    slow = Slow(FOREVER, name="a")
    parts = Parts(slow, Script(FOREVER, name="b"))
    slow.ready = False
    restarting = Restarting(order("a", "b"), parts.members, parts.renew)
    parts.look(lambda: parts.members[0].state == "starting", restarting)
    for _ in range(3):
        parts.look(lambda: True, restarting)
    assert restarting.tell().left == ("a", "b")
    assert parts.members[1].state == "running"
    # It ends again and again, and is given up.
    parts.members[0].state, parts.members[0].reason = "failed", "exit code 2: a setting is wrong"
    parts.look(lambda: restarting.over, restarting)
    assert restarting.tell().failure == "a does not start: exit code 2: a setting is wrong."
    assert parts.members[1].state == "running"
    parts.stop()


def test_what_does_not_come_back_leaves_the_others_alone() -> None:
    parts = Parts(Script(FOREVER, name="a"), Script(FOREVER, name="b"))
    parts.then = lambda member: setattr(member.program, "startable", False)
    restarting = Restarting(order("a", "b"), parts.members, parts.renew)
    parts.look(lambda: restarting.over, restarting)
    assert restarting.tell().failure == "a does not start: it cannot start."
    assert parts.members[1].state == "running"
    parts.stop()


def test_a_part_whose_start_fails_for_a_while_comes_back() -> None:
    script = Script(FOREVER, name="a")
    parts = Parts(script)
    parts.then = lambda _: script.faults.extend([StackError("no Java."), StackError("no Java.")])
    restarting = Restarting(order("a"), parts.members, parts.renew)
    parts.look(lambda: restarting.over, restarting)
    assert restarting.tell().failure == "a does not start: no Java."
    parts.look(lambda: parts.members[0].state == "running")
    parts.stop()


def test_a_part_that_cannot_be_renewed_is_started_as_it_was() -> None:
    parts = Parts(Script(FOREVER, name="a"))

    def refuse(_: Member) -> None:
        raise StackError("a file is gone.")

    parts.then = refuse
    restarting = Restarting(order("a"), parts.members, parts.renew)
    parts.look(lambda: restarting.over, restarting)
    assert restarting.tell().failure == "a does not start: a file is gone."
    parts.look(lambda: parts.members[0].state == "running")
    parts.stop()


def test_a_part_that_something_else_starts_meanwhile_is_ended_first() -> None:
    parts = Parts(Script(FOREVER, name="a"))
    parts.members[0].stop()
    parts.members[0].state = "failed"
    restarting = Restarting(order("a"), parts.members, parts.renew)
    # As by `runfold up`, or by a clock that was set.
    parts.members[0].forgive()
    parts.look(lambda: restarting.over, restarting)
    assert (restarting.tell().failure, parts.renewed) == ("", ["a"])
    parts.look(lambda: parts.members[0].state == "running")
    parts.stop()


def test_a_part_that_was_given_up_is_started() -> None:
    parts = Parts(Script(FOREVER, name="a"))
    parts.members[0].stop()
    parts.members[0].state, parts.members[0].reason = "failed", "ended 6 times"
    restarting = Restarting(order("a"), parts.members, parts.renew)
    parts.look(lambda: restarting.over, restarting)
    assert (parts.members[0].state, parts.members[0].reason) == ("running", "")
    parts.stop()


def test_what_is_no_part_is_refused_and_nothing_ends() -> None:
    parts = Parts(Script(FOREVER, name="a"))
    parts.members.append(Member(Script("", name="topics", once=True), state="done"))
    for name in ("topics", "nothing"):
        restarting = Restarting(order("a", name), parts.members, parts.renew)
        assert restarting.over
        assert name in restarting.tell().failure
        assert parts.members[0].state == "running"
    parts.stop()


def test_a_part_is_started_in_the_environment_of_the_order(tmp_path: Path) -> None:
    here = Settings(tmp_path, tmp_path, partitions=4)
    own = Surroundings(here, {"A": "1"}, {"RUNFOLD_SECRET_X": "old"}, "key", here)
    own = own.at("127.0.0.1:1", "postgresql://127.0.0.1/x")
    there = own.of(
        {
            "RUNFOLD_HOME": "/elsewhere",
            "RUNFOLD_CACHE": str(tmp_path),
            "RUNFOLD_PARTITIONS": "9",
            "KAFKA_BOOTSTRAP_SERVERS": "other:9",
            "RUNFOLD_TOOL_MODULES": "shop",
            "RUNFOLD_SECRET_X": "new",
        }
    )
    # It works where the stack is, whatever the caller's addresses are.
    assert there.settings == own.settings
    assert "A" not in there.environment
    assert "RUNFOLD_SECRET_X" not in there.environment
    assert there.secrets == {"RUNFOLD_SECRET_X": "new"}
    tools = next(process for process in PROCESSES if process.name == "tools")
    record = there.recorded(tools)
    assert record["RUNFOLD_TOOL_MODULES"][0] == "shop"
    assert record["RUNFOLD_SECRET_X"][1] != own.recorded(tools)["RUNFOLD_SECRET_X"][1]
    with pytest.raises(StackError, match="RUNFOLD_PARTITIONS must be"):
        own.of({"RUNFOLD_PARTITIONS": "many"})


def test_a_plan_goes_to_the_supervisor_as_it_is() -> None:
    assert load(dump(PROCESSES)) == PROCESSES


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> State:
    for name in ("RUNFOLD_TOOL_MODULES", "DATABASE_URL", "PYTHONPATH", "JAVA_HOME"):
        monkeypatch.delenv(name, raising=False)
    settings = Settings(tmp_path, tmp_path)
    own = Surroundings.own(settings, {}, "key")
    members = [MemberState("kafka", "running"), MemberState("postgres", "running")]
    for process in PROCESSES:
        done = "done" if process.once else "running"
        members.append(MemberState(process.name, done, settings=own.recorded(process)))
    return State("ready", 1, 1, 0.0, members=tuple(members), key="key")


def test_what_changed_is_said_with_the_parts_that_run_without_it(
    known: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(tmp_path, tmp_path)
    assert asked.changed(settings, known, PROCESSES) == ()
    monkeypatch.setenv("RUNFOLD_TOOL_MODULES", "shop")
    monkeypatch.setenv("RUNFOLD_MONITOR_HOST", "::")
    found = asked.changed(settings, known, PROCESSES)
    assert list(what_changed(found)) == [
        "It runs with other settings than those of now:",
        "  RUNFOLD_MONITOR_HOST was not set, is now :: (monitor)",
        "  RUNFOLD_TOOL_MODULES was not set, is now shop (runs, tools)",
        "To use those of now: `runfold restart monitor runs tools`.",
    ]
    asked._need_usable(settings, found, ("tools",))
    other = Settings(tmp_path, tmp_path, partitions=9)
    found = asked.changed(other, known, PROCESSES)
    assert list(what_changed(found))[-1] == (
        "To use those of now: `runfold down`, then `runfold up`."
    )
    with pytest.raises(StackError, match=r"RUNFOLD_PARTITIONS was 4, is now 9: that holds for"):
        asked._need_usable(settings, found, ("tools",))
    monkeypatch.setenv("RUNFOLD_DRAIN_S", "9999")
    with pytest.raises(StackError, match="RUNFOLD_DRAIN_S must be a number from 0 to 3600"):
        asked._need_usable(settings, (), ("tools",))


def test_nothing_is_sealed_before_every_part_has_the_same_keys(
    known: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(tmp_path, tmp_path)
    file = Home(tmp_path).run / "state.json"
    file.parent.mkdir()
    # This process is the supervisor.
    known = replace(known, pid=os.getpid(), started=started_at(os.getpid()))
    state.write(file, known)
    monkeypatch.delenv("RUNFOLD_KEYS", raising=False)
    need_keys_in_parts(settings)
    monkeypatch.setenv("RUNFOLD_KEYS", f"file:{tmp_path}/keys.json")

    with pytest.raises(InvalidError) as refused:
        need_keys_in_parts(settings)
    assert "not what delivery, gateway, projector, runs, tools of this stack run with" in str(
        refused.value
    )
    assert "Say `runfold restart` first" in str(refused.value)
    # They have them now, all but one.
    own = Surroundings.own(settings, {}, "key")
    by_name = {process.name: process for process in PROCESSES}
    members = [
        replace(each, settings=own.recorded(by_name[each.name])) if each.name in by_name else each
        for each in known.members
    ]
    old = {each.name: each for each in known.members}
    for late in ("tools", ""):
        those = tuple(old[each.name] if each.name == late else each for each in members)
        state.write(file, replace(known, members=those))
        if late:
            with pytest.raises(InvalidError, match="not what tools of this stack"):
                need_keys_in_parts(settings)
    need_keys_in_parts(settings)


def test_servers_come_first_and_pools_before_what_asks_them(known: State) -> None:
    assert asked.restartable(known, PROCESSES) == asked._ORDER


def test_a_stack_of_an_older_release_is_known_without_a_record(known: State) -> None:
    older = State("ready", 1, 1, 0.0, members=(MemberState("tools", "running"),))
    assert asked.changed(Settings(Path("/x"), Path("/x")), older, PROCESSES) == ()


def test_what_others_read_of_a_restart_is_what_was_written(tmp_path: Path, known: State) -> None:
    file = tmp_path / "state.json"
    told = replace(known, restart=state.Restart("one", ("tools",), "no"), stops_within=9.0)
    state.write(file, told)
    read = state.read(file)
    assert read is not None
    assert (read.restart, read.stops_within, read.key) == (told.restart, 9.0, "key")
    assert Process("x", ()).readers == ()
