"""What is counted of runs, computed by hand from their events."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from runfold.events import run as j
from runfold.events.base import Fact
from runfold.events.catalogue import CHARGED, FACTS
from runfold.events.values import (
    Attribution,
    ErrorInfo,
    ExitStatus,
    Plan,
    PlanStep,
    ProviderAttempt,
    Redacted,
    Sign,
    Usage,
)
from runfold.infra.metrics.table import TABLE
from runfold.projections.observability.counting.memory import Memory
from runfold.projections.observability.counting.tally import COUNTED, Tally
from runfold.projections.observability.watcher import Watcher
from runfold.projections.store.reading.record_batch import RecordBatch
from tests.support.builders import facts
from tests.support.builders.history import History
from tests.support.builders.seeded import history

# Facts that say nothing which another one does not say, or nothing countable.
UNCOUNTED = {
    j.BudgetReserved, j.BudgetSettled, j.ToolCallProposed, j.RetryScheduled,
    j.HumanInputReceived, j.RunPaused, j.RunResumed, j.CallBegun, j.RunAdmitted, j.RunSettled,
    j.BrakesSet, j.CallWithdrawn, j.PersonReplied, j.ResultGiven, j.RunHandedBack,
    j.ApprovalGiven, j.WaitEscalated, j.ExtensionRequested, j.ExtensionAwaited, j.ExtensionRefused,
    j.RunExtended, j.CallsPaced, j.DryRunStarted, j.JudgeCalled, j.JudgeFailed, j.ModelResolved,
    j.PolicyAsked, j.PolicyAnswered, j.PolicyUnanswered, j.ChildRunRequested, j.ChildRunEnded,
    j.ChildRunSignalled, j.ParentSignalled, j.FlowStarted, j.StepStarted, j.StepEnded,
}  # fmt: skip


def value(name: str, **labels: str) -> float:
    return TABLE.registry.get_sample_value(name, labels) or 0.0


class Growth:
    """How much samples have grown since it was made; other tests count in the same table."""

    def __init__(self) -> None:
        self._before = {
            (s.name, frozenset(s.labels.items())): s.value
            for family in TABLE.registry.collect()
            for s in family.samples
        }

    def of(self, name: str, **labels: str) -> float:
        grown = value(name, **labels) - self._before.get((name, frozenset(labels.items())), 0.0)
        return round(grown, 9)


def count(*runs: History) -> None:
    tally = Tally()
    for run in runs:
        tally.committed(run.placed())


def test_every_fact_is_counted_or_left_out_on_purpose() -> None:
    written = {fact for fact in FACTS if not fact.traits.reserved}
    assert written - UNCOUNTED - CHARGED == set(COUNTED) - CHARGED


def test_a_run_from_request_to_end() -> None:
    grown = Growth()
    run = History("run-1").created().asked_model("c1").model_said("c1", "files.read")
    run.proposed("c2").decided("c2").approved("c2").started("c2").succeeded("c2")
    run.checkpoint(1, "c2").ended()
    answer = next(e.fact for e in run.events if isinstance(e.fact, j.ModelResponded))
    action = next(e.fact.action for e in run.events if isinstance(e.fact, j.PolicyDecided))
    times = {e.type: e.meta.time for e in run.events}
    exit_ = run.events[-1].fact.exit  # type: ignore[attr-defined]
    count(run)

    assert grown.of("runfold_runs_begun_total", agent="triage") == 1
    ended = {"agent": "triage", "status": "success", "exit_code": "0"}
    assert grown.of("runfold_runs_ended_total", **ended) == 1
    done = {"agent": "triage", "status": "success"}
    assert grown.of("runfold_run_cost_usd_sum", **done) == float(exit_.usage.cost_usd)
    assert grown.of("runfold_run_tokens_sum", **done) == exit_.usage.total_tokens
    assert grown.of("runfold_run_seconds_sum", **done) == exit_.usage.latency_ms / 1000
    called = {"agent": "triage", "model": answer.model, "outcome": "succeeded", "fallback": "no"}
    assert grown.of("runfold_model_calls_total", **called) == 1
    spent = {"agent": "triage", "model": answer.model}
    assert grown.of("runfold_model_tokens_total", **spent, direction="input") == (
        answer.usage.input_tokens
    )
    assert grown.of("runfold_tool_calls_total", tool="files.read", outcome="succeeded") == 1
    first = (times["ToolCallStarted"] - times["RunCreated"]).total_seconds()
    assert grown.of("runfold_run_first_action_seconds_sum", agent="triage") == first
    kept = (times["CheckpointWritten"] - times["ToolCallSucceeded"]).total_seconds()
    assert grown.of("runfold_checkpoint_seconds_sum", agent="triage") == kept
    assert grown.of("runfold_tool_proposals_total", agent="triage", arguments="well_formed") == 1
    assert grown.of("runfold_policy_decisions_total", effect="permit", action=action) == 1


def test_what_was_hidden_exposed_and_suspected_is_counted() -> None:
    grown = Growth()
    run = History("run-1").created().asked_model("c1").model_said("c1", "files.read")
    answered = next(e.fact for e in run.events if isinstance(e.fact, j.ModelResponded))
    said = {
        "redacted": (Redacted(kind="email", count=2),),
        "exposed": (Redacted(kind="card", count=1),),
    }
    run.add(answered.model_copy(update=said))
    run.proposed("c2").decided("c2").approved("c2").started("c2").succeeded("c2")
    signs = {"signs": (Sign(kind="override", count=3), Sign(kind="fake_turn", count=1))}
    run.add(run.events[-1].fact.model_copy(update=signs))
    run.add(facts.tool_failed("c3").model_copy(update=signs))
    count(run)
    of_values = "runfold_model_sensitive_values_total"
    assert grown.of(of_values, agent="triage", kind="email", outcome="hidden") == 2
    assert grown.of(of_values, agent="triage", kind="card", outcome="exposed") == 1
    of_signs = "runfold_injection_signs_total"
    assert grown.of(of_signs, tool="files.read", pattern="override") == 6
    assert grown.of(of_signs, tool="files.read", pattern="fake_turn") == 2


def test_arguments_that_break_the_schema_are_counted_wherever_it_was_found() -> None:
    """By the decider before a person is asked, by the tool processor otherwise, once a call."""
    grown = Growth()
    run = History("run-1").created().asked_model("c1").model_said("c1", "files.read")
    run.add(j.ToolCallDenied(call_id="c2", reason="no", code="invalid_arguments"))
    run.add(j.ToolCallDenied(call_id="c3", reason="no", code="malformed_arguments"))
    run.add(j.ToolCallDenied(call_id="c4", reason="no"))
    failed = facts.tool_failed("c5", error="invalid_arguments")
    run.add(failed).add(failed.model_copy(update={"attempt": 2}))
    count(run)
    assert grown.of("runfold_tool_invalid_arguments_total", agent="triage") == 2


def test_an_approval_is_timed_and_an_edit_told_apart() -> None:
    grown = Growth()
    run = History("run-1").created().asked_person("c2").approved("c2", edit={"x": 1})
    asked, answered = run.events[-2].meta.time, run.events[-1].meta.time
    tool = run.events[-2].fact.tool  # type: ignore[attr-defined]
    count(run)

    assert grown.of("runfold_approvals_requested_total", tool=tool) == 1
    assert grown.of("runfold_approvals_decided_total", tool=tool, decision="edited") == 1
    assert grown.of("runfold_approval_wait_seconds_sum", tool=tool) == (
        (answered - asked).total_seconds()
    )


def responded(**more: Any) -> j.ModelResponded:
    run = History("x").created().asked_model("c1").model_said("c1", "files.read")
    fact = run.events[-1].fact
    assert isinstance(fact, j.ModelResponded)
    return fact.model_copy(update={"model": "m2", **more})


@pytest.mark.parametrize(
    ("cost", "priced", "unpriced"), [(Decimal("0.25"), 0.25, 0), (None, 0, 1), (Decimal(0), 0, 0)]
)
def test_unpriced_is_not_zero(cost: Decimal | None, priced: float, unpriced: int) -> None:
    grown = Growth()
    count(History("run-1").created().add(responded(cost=cost, attempt=2)))

    money = {"agent": "triage", "model": "m2", "attempt": "retry"}
    assert grown.of("runfold_model_cost_usd_total", **money) == priced
    assert grown.of("runfold_model_unpriced_calls_total", model="m2") == unpriced


def test_a_fallback_counts_the_model_that_failed_before_it() -> None:
    grown = Growth()
    attempts = (
        ProviderAttempt(model="m1", latency_ms=9, error_type="rate_limited"),
        ProviderAttempt(model="m2", latency_ms=5),
    )
    fact = responded(attempts=attempts, time_to_first_token_ms=250)
    count(History("run-1").created().add(fact))

    called = {"agent": "triage", "model": "m2", "outcome": "succeeded", "fallback": "yes"}
    assert grown.of("runfold_model_calls_total", **called) == 1
    assert grown.of("runfold_model_errors_total", model="m1", error_type="rate_limited") == 1
    assert grown.of("runfold_model_first_token_seconds_sum", model="m2") == 0.25


def test_a_plan_step_counts_once_when_it_becomes_done() -> None:
    def plan(*statuses: str) -> Plan:
        steps = tuple(
            PlanStep(id=str(n), description="", status=status) for n, status in enumerate(statuses)
        )
        return Plan(plan_id="p", steps=steps)

    grown = Growth()
    run = History("run-1").created().add(j.PlanProposed(plan=plan("done", "pending")))
    run.add(j.PlanRevised(plan=plan("done", "done"), reason=""))
    count(run)

    assert grown.of("runfold_plan_steps_done_total", agent="triage") == 2


def test_a_refused_request_gives_no_label_to_what_it_asked_for() -> None:
    grown = Growth()
    meta = History("run-1").created().events[0].meta
    for number in range(5):
        fact = SimpleNamespace(
            code="unknown_agent", request=SimpleNamespace(agent=f"wanted-{number}")
        )
        COUNTED[j.RunRefused](meta, fact, Memory().of("r"))

    assert grown.of("runfold_runs_refused_total", code="unknown_agent") == 5
    assert "wanted-3" not in str(list(TABLE.registry.collect()))


def test_a_run_that_began_before_us_is_counted_under_unknown() -> None:
    grown = Growth()
    late = History("run-1").created().add(j.LimitReached(
        limit="max_cost", used="2", allowed="1", action="fail"
    ))  # fmt: skip
    Tally().committed(late.placed()[-1:])

    assert grown.of("runfold_limits_reached_total", agent="unknown", limit="max_cost") == 1


def test_brakes_are_counted_by_detector_and_action() -> None:
    grown = Growth()
    brake = j.BrakeApplied(pattern="oscillation", action=j.BrakeAction.ASK, reason="in turn")
    count(History("run-1").created().add(brake).add(brake))

    assert (
        grown.of("runfold_brakes_total", pattern="oscillation", action="ask", agent="triage") == 2
    )


def test_memory_of_runs_is_bounded() -> None:
    memory = Memory(most=10)
    for number in range(50):
        memory.of(f"run-{number}").agent = "a"

    assert memory.of("run-49").agent == "a"
    assert memory.of("run-0").agent == "unknown"


def batch(run: History, first: int = 0) -> RecordBatch:
    items = run.placed(first)
    place = ("runs.events", run.partition)
    return RecordBatch([*items], {place: first}, {place: first + len(items)})


def test_a_batch_that_comes_twice_is_counted_once() -> None:
    grown = Growth()
    watcher, run = Watcher(), history(1)
    watcher.committed(batch(run), 0.01)
    watcher.committed(batch(run), 0.01)

    assert grown.of("runfold_runs_begun_total", agent="triage") == 1


def test_what_was_projected_before_us_is_not_counted() -> None:
    grown = Growth()
    watcher, run = Watcher(), history(1)
    watcher.begin({("runs.events", run.partition): len(run.events)})
    watcher.committed(batch(run), 0.01)
    watcher.committed(batch(history(1), len(run.events)), 0.01)

    assert grown.of("runfold_runs_begun_total", agent="triage") == 1


def test_a_fact_that_cannot_be_counted_does_not_stop_the_projector(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Tally, "committed", broken)
    Watcher().committed(batch(history(1)), 0.01)

    assert "could not be counted" in caplog.text


def test_the_lag_is_the_distance_to_the_end() -> None:
    watcher, run = Watcher(), history(2)
    place = ("runs.events", run.partition)
    watcher.committed(batch(run), 0.01)
    end = len(run.events)
    label = {"topic": place[0], "partition": str(place[1])}
    watcher.ends({place: end + 41})

    assert value("runfold_projector_position", **label) == end
    assert value("runfold_projector_lag_records", **label) == 40
    watcher.ends({place: end + 1})
    assert value("runfold_projector_lag_records", **label) == 0


@pytest.mark.parametrize("status", [ExitStatus.FAILURE, ExitStatus.CANCELLED])
def test_other_ends_are_told_apart(status: ExitStatus) -> None:
    grown = Growth()
    count(History("run-1").created().ended(status))

    ended = [s for f in TABLE.registry.collect() for s in f.samples if "ended_total" in s.name]
    assert (
        sum(grown.of(s.name, **s.labels) for s in ended if s.labels["status"] == status.value) == 1
    )


def test_what_came_too_late_is_paid_all_the_same() -> None:
    grown = Growth()
    whose = Attribution(user_id="u", agent="triage", agent_version="1", prompt_version="p")
    used = Usage(input_tokens=70, output_tokens=3)
    answer = j.LateAnswer(model="m:late", provider="m", usage=used)
    late = j.LateResultNoted(
        call_id="c", attempt=1, outcome="succeeded", answer=answer, cost=Decimal("0.5"),
        attribution=whose,
    )  # fmt: skip
    tool = j.LateResultNoted(
        call_id="d", attempt=2, outcome="failed", tool="pay", cost=Decimal("0.03"),
        attribution=whose,
    )  # fmt: skip
    doubt = j.ToolCallUncertain(
        call_id="e", attempt=1, tool="pay", reason="?", cost=Decimal("0.01"), attribution=whose
    )
    count(History("run-1").created().add(late).add(tool).add(doubt))

    assert (
        grown.of("runfold_model_cost_usd_total", agent="triage", model="m:late", attempt="first")
        == 0.5
    )
    assert (
        grown.of("runfold_model_tokens_total", agent="triage", model="m:late", direction="input")
        == 70
    )
    assert grown.of("runfold_tool_cost_usd_total", agent="triage", tool="pay") == 0.04
    assert grown.of("runfold_late_results_total", outcome="succeeded") == 1


def test_a_failed_tool_call_counts_its_cause_and_its_cost() -> None:
    grown = Growth()
    whose = Attribution(user_id="u", agent="triage", agent_version="1", prompt_version="p")
    fact: Fact = j.ToolCallFailed(
        call_id="c", attempt=1, tool="pay", latency_ms=1500, attribution=whose,
        error=ErrorInfo(error_type="timeout", message="x", retryable=True), cost=Decimal("0.02"),
    )  # fmt: skip
    count(History("run-1").created().add(fact))

    assert grown.of("runfold_tool_errors_total", tool="pay", error_type="timeout") == 1
    assert grown.of("runfold_tool_call_seconds_sum", tool="pay", outcome="failed") == 1.5
    assert grown.of("runfold_tool_cost_usd_total", agent="triage", tool="pay") == 0.02
