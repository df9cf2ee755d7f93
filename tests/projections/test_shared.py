"""Partitions that come and go: what a shared projector begins, ends and takes back."""

from __future__ import annotations

import signal
import threading
from collections.abc import Sequence
from typing import Any, cast

import pytest

from runfold.producers.log.ownership.fixed import FixedOwnership
from runfold.producers.log.ownership.port import Given, Taken
from runfold.projections.errors import Fenced
from runfold.projections.store.projector import Projector
from runfold.projections.store.shared import shared_projector
from runfold.stack.settings import Settings
from tests.projections.running import ask, projector, wait_caught_up
from tests.projections.test_projector import assert_equal_to, make
from tests.support.stack import wait_until


class Following:
    """A projector that does nothing until it is stopped or made to fail."""

    def __init__(self, partitions: tuple[int, ...]) -> None:
        self.partitions = partitions
        self.error: Exception | None = None
        self._ended = threading.Event()

    def run(self) -> None:
        self._ended.wait()
        if self.error is not None:
            raise self.error

    def stop(self) -> None:
        self._ended.set()

    def fail(self, error: Exception) -> None:
        self.error = error
        self._ended.set()

    def reading(self) -> dict[tuple[str, int], int]:
        return {("runs.events", number): 7 for number in self.partitions}


class Coordinator:
    """An ownership that gives and takes what a test says, one change a poll."""

    def __init__(self, *changes: tuple[str, Sequence[int]]) -> None:
        self.changes = list(changes)
        self.owned: set[int] = set()
        self._given: Given
        self._taken: Taken

    def start(self, given: Given, taken: Taken) -> None:
        self._given, self._taken = given, taken

    def poll(self, timeout: float) -> None:
        if not self.changes:
            threading.Event().wait(0.01)
            return
        kind, partitions = self.changes.pop(0)
        if kind == "give":
            self.owned |= set(partitions)
            self._given(partitions)
        else:
            self.owned -= set(partitions)
            self._taken(partitions)

    def assigned(self) -> frozenset[int]:
        return frozenset(self.owned)

    def close(self) -> None:
        self._taken(sorted(self.owned))


class Bench:
    """A shared projector on a thread, and every projector that it made."""

    def __init__(self, ownership: Any, again_s: float | None = None) -> None:
        self.made: list[Following] = []
        self.shared = shared_projector(ownership, self._make, again_s)
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _make(self, partitions: tuple[int, ...]) -> Projector:
        self.made.append(Following(partitions))
        return cast("Projector", self.made[-1])

    def _run(self) -> None:
        try:
            self.shared.run()
        except Exception as error:  # noqa: BLE001
            self.error = error

    def wait_for(self, *sets: tuple[int, ...]) -> None:
        wait_until(lambda: [one.partitions for one in self.made] == list(sets))

    def ended(self) -> Exception | None:
        self._thread.join(30)
        assert not self._thread.is_alive()
        return self.error


def test_fixed_partitions_are_projected_from_start_to_stop() -> None:
    bench = Bench(FixedOwnership([0, 2]))
    bench.wait_for((0, 2))
    wait_until(lambda: bench.shared.reading() == {("runs.events", 0): 7, ("runs.events", 2): 7})
    bench.shared.stop()
    assert bench.ended() is None
    assert bench.shared.reading() == {}


def test_each_change_ends_one_projector_before_the_next_begins() -> None:
    coordinator = Coordinator(("give", [0, 1, 2, 3]))
    bench = Bench(coordinator)
    bench.wait_for((0, 1, 2, 3))
    coordinator.changes.append(("take", [2, 3]))
    bench.wait_for((0, 1, 2, 3), (0, 1))
    coordinator.changes.append(("take", [0, 1]))
    wait_until(lambda: bench.shared.reading() == {})
    coordinator.changes += [("give", [1]), ("give", [3])]
    wait_until(lambda: bench.made[-1].partitions == (1, 3))
    bench.shared.stop()
    assert bench.ended() is None


def test_partitions_that_another_took_end_a_fixed_projector() -> None:
    bench = Bench(FixedOwnership([0]))
    bench.wait_for((0,))
    bench.made[0].fail(Fenced("taken"))
    assert isinstance(bench.ended(), Fenced)


def test_partitions_that_another_took_are_taken_back_while_they_are_given() -> None:
    bench = Bench(Coordinator(("give", [0])), again_s=0.05)
    bench.wait_for((0,))
    bench.made[0].fail(Fenced("taken"))
    bench.wait_for((0,), (0,))
    bench.shared.stop()
    assert bench.ended() is None


def test_a_bug_ends_the_process_whoever_gives_the_partitions() -> None:
    bench = Bench(Coordinator(("give", [0])), again_s=0.05)
    bench.wait_for((0,))
    bench.made[0].fail(ZeroDivisionError())
    assert isinstance(bench.ended(), ZeroDivisionError)


def owners(settings: Settings) -> set[str]:
    return {row[0] for row in ask(settings, "SELECT DISTINCT owner FROM projection_positions")}


@pytest.mark.integration
@pytest.mark.crash
@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_two_in_a_group_share_and_one_takes_over_from_the_dead(
    settings: Settings, protocol: str
) -> None:
    runs = make(settings, 8)
    group = {"RUNFOLD_OWNERSHIP": "group", "RUNFOLD_GROUP_PROTOCOL": protocol}
    with projector(settings, **group) as one:
        wait_caught_up(settings)
        with projector(settings, **group) as other:
            wait_until(lambda: len(owners(settings)) == 2, 60)
            runs += make(settings, 8, first=8)
            wait_caught_up(settings)
            assert one.poll() is None
            one.send_signal(signal.SIGKILL)
            one.wait()
            runs += make(settings, 8, first=16)
            wait_caught_up(settings)
            wait_until(lambda: len(owners(settings)) == 1, 60)
            assert other.poll() is None
            other.terminate()
            assert other.wait(30) == 0
    assert_equal_to(settings, runs)


@pytest.mark.integration
@pytest.mark.crash
def test_one_that_wakes_up_after_its_partitions_went_writes_nothing_and_shares_again(
    settings: Settings,
) -> None:
    runs = make(settings, 6)
    group = {"RUNFOLD_OWNERSHIP": "group"}
    with projector(settings, **group) as one:
        wait_caught_up(settings)
        one.send_signal(signal.SIGSTOP)
        with projector(settings, **group) as other:
            runs += make(settings, 6, first=6)
            wait_caught_up(settings)
            one.send_signal(signal.SIGCONT)
            wait_until(lambda: len(owners(settings)) == 2, 60)
            runs += make(settings, 6, first=12)
            wait_caught_up(settings)
            assert one.poll() is None
            assert other.poll() is None
    assert_equal_to(settings, runs)
