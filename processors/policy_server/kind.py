"""The kind of effect that is a question to policy servers, and how it appears in a trace."""

from __future__ import annotations

from runfold.events.calls import Outcome, PolicyResult, PolicyWork, kinds
from runfold.events.values import ErrorInfo
from runfold.infra.tracing import names
from runfold.infra.tracing.calls import CallSpan, shown
from runfold.infra.tracing.spans import Value
from runfold.processors.effects.kinds import EffectKind

ASK_POLICY = "ask_policy"


def unanswered(work: PolicyWork, error: ErrorInfo, latency_ms: int) -> PolicyResult:
    """Return that a server gave no answer: the call is held, or denied where its policy says so."""
    return PolicyResult(
        run_id=work.run_id,
        call_id=work.call_id,
        attempt=work.attempt,
        outcome=Outcome.FAILED if work.denies else Outcome.HELD,
        latency_ms=latency_ms,
        error=error,
    )


def _held(work: PolicyWork, error: ErrorInfo) -> PolicyResult:
    return unanswered(work, error, 0)


def _attributes(work: PolicyWork, result: PolicyResult) -> dict[str, Value]:
    return {
        names.OPERATION: ASK_POLICY,
        names.POLICIES: tuple(each.policy for each in work.questions),
        names.OUTCOME: result.outcome.value,
    }


def _content(work: PolicyWork, _result: PolicyResult) -> dict[str, Value]:
    return {names.TOOL_ARGUMENTS: shown(work.input)}


POLICY_CALL = EffectKind(
    kinds.POLICY,
    turn=lambda _work: ASK_POLICY,
    on_broken=unanswered,
    on_held=_held,
    repeatable=True,
    span=CallSpan(lambda _work: ASK_POLICY, _attributes, _content, client=True),
)
"""Made by a ``PolicyServerProcessor``, in the run processor alone; tenants take turns."""
