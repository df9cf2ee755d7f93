"""What several have in common is left alone as one, and tried by one call for all."""

from __future__ import annotations

import pytest

from runfold.infra.metrics.table import TABLE
from runfold.processors.effects.admission import Admission
from runfold.processors.effects.circuits import Circuits, Member, Server
from runfold.processors.effects.holds import CannotBeginError

CRM = Server("crm", "crm")


class World:
    """Calls of members, with a clock of its own."""

    def __init__(self) -> None:
        self.now = 100.0
        self.circuits = Circuits("tool", "server", lambda: self.now)

    def admit(self, name: str, server: Server | None = CRM) -> Admission:
        return self.circuits.admit(Member(name, name, server), trial_s=60)

    def fail(self, *names: str, server: Server | None = CRM) -> None:
        for name in names:
            self.admit(name, server).failed()

    def held(self, name: str, server: Server | None = CRM) -> CannotBeginError | None:
        return self.circuits.look(Member(name, name, server))

    def why(self, name: str) -> str:
        hold = self.held(name)
        return hold.message.split(" failed")[0] if hold else ""

    def pause(self, name: str) -> int:
        hold = self.held(name)
        assert hold is not None
        assert hold.code == "circuit_open"
        return hold.retry_after_ms or 0

    def away(self) -> None:
        """Let the server be left alone, and its pause pass."""
        self.fail("a", "a", "a", "b", "b")
        self.now += 30


@pytest.mark.parametrize("fails", ["aaabb", "ababa", "abcde", "aaaaabb", "baaab"])
def test_a_server_is_left_alone_where_several_of_its_tools_fail(fails: str) -> None:
    world = World()
    if fails == "aaaaabb":
        # The tool that failed more is left alone first.
        world.fail(*fails[:5])
        assert (world.why("a"), world.why("b")) == ("a", "")
        fails = fails[5:]
    world.fail(*fails)
    assert {world.why(each) for each in "abcz"} == {"the server crm"}
    assert world.pause("z") == 30_000


def test_one_tool_that_fails_alone_is_not_its_server() -> None:
    world = World()
    world.fail(*"aaaaa")
    world.fail("b")
    assert (world.why("a"), world.why("b"), world.why("c")) == ("a", "", "")
    world.admit("b").succeeded()
    world.fail("b")
    assert world.why("c") == ""


def test_an_answer_of_any_tool_shows_that_the_server_is_there() -> None:
    world = World()
    world.fail("a", "a", "b", "b")
    world.admit("c").succeeded()
    world.fail("a", "a", "b", "b")
    assert world.why("c") == ""


def test_tools_of_other_servers_and_of_none_go_on() -> None:
    world = World()
    world.away()
    assert world.held("z", Server("mail", "mail")) is None
    assert world.held("y", None) is None


def test_one_call_tries_the_server_for_all_its_tools() -> None:
    world = World()
    world.away()
    trial = world.admit("c")
    assert [world.why(each) for each in "abc"] == ["the server crm"] * 3
    assert 60_000 <= world.pause("a") <= 72_000
    with pytest.raises(CannotBeginError):
        world.admit("a")
    trial.succeeded()
    # Nobody else has to try it: what the others failed with was the server's.
    assert [world.held(each) for each in "abc"] == [None] * 3
    world.fail("a", "a")
    assert world.held("a") is None


def test_a_trial_that_fails_leaves_the_server_alone_and_blames_no_tool() -> None:
    world = World()
    world.away()
    for name in "cd" * 5:
        world.admit(name).failed()
        assert world.pause("a") == 30_000
        world.now += 30
    world.admit("a").succeeded()
    assert [world.held(each) for each in "cd"] == [None, None]


def test_a_tool_that_is_broken_itself_does_not_speak_for_the_others() -> None:
    world = World()
    world.away()
    world.admit("a").failed()
    world.now += 30
    # It was the last to try, so another is before it; where there is none it tries again.
    assert (world.pause("a"), world.held("b")) == (30_000, None)
    world.now += 30
    assert world.held("a") is None
    world.admit("b").succeeded()
    assert world.held("a") is None


def test_what_began_before_neither_ends_a_trial_nor_makes_the_pause_longer() -> None:
    world = World()
    early = [world.admit("a") for _ in range(3)]
    world.away()
    trial = world.admit("b")
    early[0].failed()
    early[1].__exit__()
    assert 60_000 <= world.pause("c") <= 72_000
    trial.failed()
    world.now += 29
    early[2].failed()
    assert world.pause("c") == 1_000


def test_a_trial_that_is_not_made_leaves_its_place_to_the_next() -> None:
    world = World()
    world.away()
    with world.admit("a"):
        assert world.held("b") is not None
    assert world.held("a") is None


def test_a_late_answer_shows_that_the_server_is_back() -> None:
    world = World()
    early = world.admit("a")
    world.away()
    early.succeeded()
    assert world.held("b") is None


def test_what_is_left_alone_is_shown() -> None:
    def shown(kind: str, name: str) -> float | None:
        labels = {"kind": kind, "name": name}
        return TABLE.registry.get_sample_value("runfold_effects_left_alone", labels)

    world = World()
    world.fail(*"aaaaa")
    assert world.circuits.told() == {"tool": ["a"], "server": []}
    assert (shown("tool", "a"), shown("server", "crm")) == (1, 0)
    world.fail("b", "b")
    assert world.circuits.told() == {"tool": [], "server": ["crm"]}
    assert (shown("tool", "a"), shown("server", "crm")) == (0, 1)
    world.now += 30
    world.admit("b").succeeded()
    assert (world.circuits.told()["server"], shown("server", "crm")) == ([], 0)


def test_what_is_well_is_forgotten_once_there_is_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runfold.processors.effects.circuits._MOST_KEPT", 3)
    world = World()
    world.away()
    world.fail(*"xxxxx", server=None)
    for number in range(10):
        world.admit(f"t{number}", Server(number, str(number)))
    assert world.held("x", None) is not None
    world.now -= 30
    assert world.why("b") == "the server crm"
    assert len(world.circuits._members) <= 4
