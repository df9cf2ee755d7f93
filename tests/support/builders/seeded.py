"""Whole runs made by a seed: the same number gives the same bytes."""

from __future__ import annotations

import random
from collections.abc import Iterator

from runfold.events import run as j
from runfold.events.contents.content import text
from runfold.events.values import ActorKind, ExitStatus, RunStatus
from tests.support.builders.history import History


def tool_call(history: History, call: str, rng: random.Random) -> None:
    """One call from proposal to result, some with approval, edits, failures, refusals."""
    kind = rng.randrange(6)
    history.proposed(call, level=kind % 2)
    if kind == 5:
        history.decided(call, j.PolicyEffect.FORBID)
        history.add(j.ToolCallDenied(call_id=call, reason="not allowed"), by=ActorKind.POLICY)
        return
    history.decided(call)
    if kind in {1, 3}:
        history.asked_person(call)
        history.approved(call, ActorKind.PERSON, {"path": "b"} if kind == 3 else None)
    else:
        history.approved(call)
    history.started(call)
    if kind == 4:
        history.failed_call(call)
        history.started(call, 2)
    history.succeeded(call, 2 if kind == 4 else 1)


def history(number: int, partitions: int = 4, turns: int = 3, seed: int = 7) -> History:
    """One whole run; the same number and seed give the same bytes."""
    rng = random.Random(f"{seed}/{number}")
    run = History(f"run-{number:05}", f"tenant-{number % 3}", number % partitions).created(
        f"goal {number}"
    )
    for turn in range(1, turns + 1):
        model = f"{run.run_id}.m{turn}"
        run.asked_model(model)
        if rng.random() < 0.2:
            run.asked_model(model, 2)
        run.model_said(model, "files.read", cost=None if rng.random() < 0.2 else "0.0125")
        call = f"{run.run_id}.t{turn}"
        tool_call(run, call, rng)
        run.checkpoint(turn, call)
    if number % 7 == 0:
        run.add(
            j.HumanInputRequested(
                question_id=f"{run.run_id}.q", provider_call_id="p9", question=text("Which one?")
            ),
            RunStatus.WAITING_FOR_HUMAN,
        )
        run.add(
            j.HumanInputReceived(
                question_id=f"{run.run_id}.q", content=text("that"), request_id="r1"
            ),
            by=ActorKind.PERSON,
        )
    return run.ended(
        rng.choice(
            [ExitStatus.SUCCESS, ExitStatus.SUCCESS, ExitStatus.FAILURE, ExitStatus.CANCELLED]
        )
    )


def interleaved(runs: list[History], seed: int = 3) -> Iterator[tuple[History, int]]:
    """The events of all runs, as a busy journal mixes them; each as its history and index."""
    rng = random.Random(seed)
    left = [(run, 0) for run in runs]
    while left:
        at = rng.randrange(min(len(left), 20))
        run, index = left[at]
        yield run, index
        if index + 1 < len(run.values):
            left[at] = (run, index + 1)
        else:
            left.pop(at)
