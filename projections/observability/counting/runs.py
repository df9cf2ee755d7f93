"""Counts what happens to a run as a whole."""

from __future__ import annotations

from runfold.events import run as j
from runfold.events.run import Meta
from runfold.projections.observability.counting import metrics as m
from runfold.projections.observability.counting.memory import OpenRun

_DONE = "done"


def created(meta: Meta, fact: j.RunCreated, run: OpenRun) -> None:
    """A run begins."""
    run.agent, run.created = fact.agent.name, meta.time
    run.requested = fact.request.requested_at
    m.RUNS_BEGUN(run.agent).inc()


def queued(_meta: Meta, fact: j.RunQueued, run: OpenRun) -> None:
    """A run was put into its tenant's queue."""
    if fact.position is not None:
        m.RUNS_QUEUED(run.agent).inc()


def started(meta: Meta, _fact: j.RunStarted, run: OpenRun) -> None:
    """A run was admitted."""
    if run.requested is not None:
        waited = (meta.time - run.requested).total_seconds()
        # The requester's clock may be ahead of ours.
        m.QUEUE_SECONDS(run.agent).observe(max(0.0, waited))


def refused(_meta: Meta, fact: j.RunRefused, _run: OpenRun) -> None:
    """A request was not admissible; its agent may be any text, and is not a label."""
    m.RUNS_REFUSED(fact.code).inc()


def ended(_meta: Meta, fact: j.RunCompleted | j.RunFailed | j.RunCancelled, _run: OpenRun) -> None:
    """A run ended."""
    found, usage = fact.exit, fact.exit.usage
    agent, status = fact.agent, found.status.value
    m.RUNS_ENDED(agent, status, str(found.exit_code)).inc()
    m.RUN_SECONDS(agent, status).observe(usage.latency_ms / 1000)
    m.RUN_DOLLARS(agent, status).observe(float(usage.cost_usd))
    m.RUN_TOKENS(agent, status).observe(usage.total_tokens)
    if isinstance(fact, j.RunFailed):
        m.RUN_FAILURES(agent, fact.error.error_type).inc()


def limit(_meta: Meta, fact: j.LimitReached, run: OpenRun) -> None:
    """A hard limit was met."""
    m.LIMITS(run.agent, fact.limit).inc()


def brake(_meta: Meta, fact: j.BrakeApplied, run: OpenRun) -> None:
    """A run diverged, and something followed."""
    m.BRAKES(run.agent, fact.pattern, fact.action.value).inc()


def checkpoint(meta: Meta, _fact: j.CheckpointWritten, run: OpenRun) -> None:
    """A safe point was written."""
    m.CHECKPOINTS(run.agent).inc()
    if run.result_since is not None:
        m.CHECKPOINT_SECONDS(run.agent).observe((meta.time - run.result_since).total_seconds())
        run.result_since = None


def plan(_meta: Meta, fact: j.PlanProposed | j.PlanRevised, run: OpenRun) -> None:
    """The plan changed: steps that were not done before and are now count once."""
    new = {step.id for step in fact.plan.steps if step.status == _DONE} - run.steps_done
    if new:
        run.steps_done |= new
        m.PLAN_STEPS_DONE(run.agent).inc(len(new))


def reflection(_meta: Meta, fact: j.ReflectionRecorded, _run: OpenRun) -> None:
    """A critic spoke."""
    m.REFLECTIONS("yes" if fact.passed else "no").inc()


def context(_meta: Meta, fact: j.ContextHydrated, run: OpenRun) -> None:
    """The model's context was put together."""
    if fact.redactions:
        m.REDACTIONS(run.agent).inc(fact.redactions)
    if fact.dropped:
        m.DROPPED(run.agent).inc(len(fact.dropped))
