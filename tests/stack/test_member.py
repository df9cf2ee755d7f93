from __future__ import annotations

import errno
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from runfold.stack.errors import NoRoomError, StackError
from runfold.stack.supervisor.member import Member, Patience
from tests.support.stack import wait_until


@dataclass
class Script:
    """A program that runs one line of Python."""

    line: str
    once: bool = False
    name: str = "script"
    stop_signal: int = signal.SIGTERM
    stop_seconds: float = 0.5
    startable: bool = True
    faults: list[Exception] = field(default_factory=list)
    fatal: str = ""
    ends: list[bool] = field(default_factory=list)

    def start(self) -> subprocess.Popen[bytes]:
        if not self.startable:
            raise StackError("it cannot start.")
        if self.faults:
            raise self.faults.pop(0)
        return subprocess.Popen([sys.executable, "-c", self.line], start_new_session=True)

    def is_ready(self) -> bool:
        return not self.once

    def why_it_ended(self) -> str:
        return "its last words"

    def why_it_was_killed(self) -> str:
        return self.fatal

    def stopped(self, *, cleanly: bool) -> None:
        self.ends.append(cleanly)


def started(program: Script, patience: Patience = Patience(first=1.0)) -> Member:  # noqa: B008
    member = Member(program, patience)
    member.start()
    return member


def last_process(member: Member) -> subprocess.Popen[bytes] | None:
    return member.process


def ended(member: Member, now: float) -> Member:
    """Wait for its process to end, and let the member notice that at this time."""
    assert member.process is not None
    member.process.wait()
    member.watch(now)
    return member


def test_a_process_that_ends_is_started_again_after_a_pause() -> None:
    member = ended(started(Script("raise SystemExit(3)")), now=100.0)

    assert (member.state, member.due) == ("waiting", 101.0)
    assert member.reason == "exit code 3: its last words"
    member.watch(100.9)
    assert last_process(member) is None
    member.watch(101.0)
    assert last_process(member) is not None
    assert member.restarts == 1
    member.stop()


def test_pauses_double_up_to_the_longest_and_then_it_is_given_up() -> None:
    member = started(Script("raise SystemExit(3)"), Patience(1.0, 3.0, ends=5, window=60.0))
    now, pauses = 100.0, []
    while ended(member, now).state == "waiting":
        pauses.append(member.due - now)
        now = member.due
        member.watch(now)

    assert pauses == [1.0, 2.0, 3.0, 3.0]
    assert member.state == "failed"
    assert member.reason == "ended 5 times in a row (exit code 3: its last words)"


def test_after_a_sound_life_it_is_started_again_as_soon_as_after_the_first_end() -> None:
    member = ended(started(Script("raise SystemExit(3)")), now=100.0)
    member.watch(member.due)
    ended(member, now=102.0)
    assert member.due == 104.0
    member.watch(member.due)
    member._born -= member.patience.sound

    assert ended(member, now=110.0).due == 111.0


def test_what_was_given_up_is_started_as_if_it_had_never_ended() -> None:
    member = ended(started(Script("raise SystemExit(3)"), Patience(1.0, ends=1)), now=100.0)
    assert member.state == "failed"
    member.forgive()
    member.watch(100.0)

    assert (member.state, member.restarts) == ("starting", 1)
    member.stop()


def test_what_was_given_up_is_tried_again_when_it_has_rested() -> None:
    member = ended(started(Script("raise SystemExit(3)"), Patience(1.0, ends=1)), now=100.0)
    member.watch(399.9)
    assert member.state == "failed"
    member.watch(400.0)
    member.watch(400.0)
    assert (member.state, member.restarts) == ("starting", 1)
    assert ended(member, now=401.0).state == "failed"


@pytest.mark.parametrize("why", ["refused", "once"])
def test_what_trying_again_does_not_change_is_not_tried_again(why: str) -> None:
    script = Script("raise SystemExit(3)", once=why == "once")
    member = ended(started(script, Patience(1.0, ends=1)), now=100.0)
    member.refused = why == "refused"
    member.watch(10_000.0)
    assert member.state == "failed"


def test_what_is_given_up_when_all_is_stopped_stays_so() -> None:
    member = ended(started(Script("raise SystemExit(3)"), Patience(1.0, ends=1)), now=100.0)
    member.ask(101.0)
    member.watch(10_000.0)
    assert member.state == "failed"


def test_a_clock_that_is_set_makes_no_life_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    member = ended(started(Script("raise SystemExit(3)")), now=100.0)
    member.watch(member.due)
    ahead = time.time() + 7200
    monkeypatch.setattr(time, "time", lambda: ahead)
    assert ended(member, now=102.0).due == 104.0


def test_ends_that_lie_far_apart_are_forgiven() -> None:
    member = started(Script("raise SystemExit(3)"), Patience(1.0, ends=2, window=60.0))
    for now in (100.0, 200.0, 300.0):
        ended(member, now)
        member.watch(member.due)

    assert member.state == "starting"
    member.stop()


def test_work_that_is_done_once_is_not_done_again() -> None:
    member = ended(started(Script("pass", once=True)), now=100.0)

    assert member.state == "done"
    member.watch(200.0)
    assert member.process is None


def test_a_signal_is_told_as_a_signal() -> None:
    member = started(Script("import time; time.sleep(60)"))
    assert member.process is not None
    member.process.kill()

    outside = "killed by signal 9 (from outside, or out of memory)"
    assert ended(member, now=1.0).reason == outside


def test_a_fatal_line_of_its_own_is_told_with_the_signal() -> None:
    member = started(Script("import os; os.abort()", fatal="Fatal Python error: Aborted"))
    assert ended(member, now=1.0).reason == "killed by signal 6: Fatal Python error: Aborted"


@pytest.mark.parametrize("deaf", [False, True])
def test_who_does_not_end_when_asked_is_ended(deaf: bool) -> None:
    script = Script("import time; print('on', flush=True); time.sleep(60)")
    if deaf:
        script.line = "import signal; signal.signal(15, signal.SIG_IGN); " + script.line
    process = subprocess.Popen(
        [sys.executable, "-c", script.line], start_new_session=True, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"on\n"
    member = Member(script, process=process, state="running")
    member.stop()

    assert script.ends == [not deaf]
    assert process.returncode == (-9 if deaf else -15)


def test_a_program_that_cannot_start_again_is_tried_later() -> None:
    script = Script("raise SystemExit(3)")
    member = ended(started(script), now=100.0)
    script.startable = False
    member.watch(101.0)

    assert (member.state, member.reason) == ("waiting", "it cannot start.")
    script.startable = True
    wait_until(lambda: member.watch(member.due))
    assert member.state == "starting"
    member.stop()


@dataclass
class Picky(Script):
    """A program that says by its exit code that starting it again would not help."""

    refusals: frozenset[int] = frozenset({2})


def test_what_ends_for_a_setting_is_not_started_again_until_forgiven() -> None:
    member = ended(started(Picky("raise SystemExit(2)")), 0.0)
    assert (member.state, member.refused, member.restarts) == ("failed", True, 0)
    assert member.reason == "exit code 2: its last words"
    member.watch(1000.0)
    assert (member.state, member.restarts) == ("failed", 0)
    member.forgive()
    member.watch(1001.0)
    assert (member.state, member.refused, member.restarts) == ("starting", False, 1)
    member = ended(member, 1002.0)
    assert member.refused
    # Any other end is tried again, as ever.
    assert ended(started(Picky("raise SystemExit(1)")), 0.0).state == "waiting"


def full() -> Exception:
    return OSError(errno.ENOSPC, "No space left on device", "/home/logs")


@pytest.mark.parametrize(
    ("fault", "reason", "pauses"),
    [
        (lambda: NoRoomError("the disk is full."), "the disk is full.", [5.0] * 5),
        (full, "No space left on device: /home/logs.", [5.0] * 5),
        (lambda: StackError("no Java."), "no Java.", [1.0, 2.0, 4.0, 5.0, 5.0]),
        (
            lambda: BlockingIOError(11, "no process"),
            "no process: of this machine.",
            [1, 2, 4, 5, 5],
        ),
    ],
)
def test_a_start_that_fails_n_times_is_tried_again_each_time(
    fault: Callable[[], Exception],
    reason: str,
    pauses: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = Script("import time; time.sleep(60)")
    member = started(script)
    member.stop()
    script.faults = [fault() for _ in range(5)]
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    with pytest.raises(StackError) as raised:
        member.start_afresh()
    now, waited = 100.0, []
    while member.state == "waiting":
        assert (member.reason, str(raised.value)) == (reason, reason)
        waited.append(member.due - now)
        now = member.due
        member.watch(now)
    monkeypatch.undo()
    assert waited == pauses
    assert member.state == "starting"
    member.stop()


def test_a_start_that_always_fails_rests_and_is_tried_again() -> None:
    script = Script("import time; time.sleep(60)", startable=False)
    member = Member(script, Patience(1.0, ends=1))
    with pytest.raises(StackError):
        member.start_afresh()
    assert member.state == "failed"
    now = time.monotonic() + member.patience.rest
    script.startable = True
    member.watch(now)
    member.watch(now)
    assert member.state == "starting"
    member.stop()


@pytest.mark.parametrize("asked", [False, True])
def test_what_cannot_be_put_away_after_a_life_ends_no_supervisor(*, asked: bool) -> None:
    class Untidy(Script):
        def stopped(self, *, cleanly: bool) -> None:
            raise OSError(errno.EROFS, "Read-only file system")

    member = started(Untidy("import time; time.sleep(60)" if asked else "raise SystemExit(3)"))
    if asked:
        member.stop()
    else:
        ended(member, 100.0)
    assert (member.state, member.process) == ("stopped" if asked else "waiting", None)
