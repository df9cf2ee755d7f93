"""Kill each process of the product at each of its steps, with a dozen runs in flight."""

from __future__ import annotations

from pathlib import Path

import pytest

from runfold.projections.views import VIEWS
from runfold.stack.settings import Settings
from tests.system.crash.product import product

pytestmark = [pytest.mark.integration, pytest.mark.crash, pytest.mark.timeout(240)]

STEPS = {
    "runs": [
        "lane.before_begin:2",
        "lane.after_begin:5",
        "lane.after_produce:3",
        "lane.after_commit:4",
        "lane.after_adopt:6",
        "lane.after_handout:5",
        "lane.after_produce:20",
        "lane.after_commit:25",
        "lane.before_fence:3",
        "lane.after_fence:2",
        "restore.before_journal:2",
        "restore.after_journal:3",
        "lane.before_tidy:1",
        "lane.after_tidy:1",
    ],
    "tools": [
        "pool.after_consume:3",
        "tool.before_claim:2",
        "tool.after_claim:3",
        "tool.before_run:5",
        "tool.after_run:4",
        "tool.before_finish:2",
        "tool.after_finish:3",
        "pool.after_handle:4",
        "pool.before_produce:5",
        "pool.after_produce:3",
        "pool.before_commit:2",
        "pool.after_commit:1",
    ],
    "projector": [
        "projector.after_read:2",
        "projector.before_begin:2",
        "projector.after_positions:1",
        *(f"projector.after_{name}:1" for name in VIEWS),
        "projector.before_commit:2",
        "projector.after_commit:2",
    ],
}


@pytest.mark.parametrize("name", STEPS)
def test_a_kill_at_any_step_costs_nothing(name: str, settings: Settings, tmp_path: Path) -> None:
    with product(settings, tmp_path) as running:
        victim = running.processes[name]
        victim.kill()
        for step in STEPS[name]:
            victim.start(step)
            running.ask_for(4)
            running.wait_for_death(name, step)
            assert running.undecided() == set(), f"done before it was decided, at {step}"
        victim.start()
        running.ask_for(4)
        assert running.judge(may_be_uncertain=name == "tools") == []
        assert running.person.types["RetryScheduled"] >= len(running.wanted)
        assert running.person.types["ApprovalRequested"] == len(running.wanted)
        assert running.person.types["RunCompleted"] == len(running.wanted)
