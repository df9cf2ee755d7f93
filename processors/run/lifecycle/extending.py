"""More for a run that goes on: who asks for it, who grants it, and what becomes of one that waits.

A run that meets a limit ends, unless its agent or its tenant's policy says otherwise: then it asks
its tenant for more, or waits for a person. A person may extend any run, at any time. What more a
run may use is set aside by its tenant where that was asked to admit it; else a person's word is
enough. The facts say who asked, for what, and what was answered.
"""

from __future__ import annotations

from collections.abc import Iterator

from runfold.events import run as j
from runfold.events.contents.content import Content, json_content
from runfold.events.definitions.agents.agent import WhenSpent
from runfold.events.json_schema import loaded
from runfold.events.records import commands
from runfold.events.tenant import Amount, ExtensionAnswered, ExtensionAsked, Verdict
from runfold.processors.run.behaviour import BY_TENANT
from runfold.processors.run.draft import Draft
from runfold.processors.run.lifecycle import endings
from runfold.processors.run.state import LIMIT_OF, Live

UNKNOWN_ANSWER = "unknown_answer"
"""The code of an answer of a tenant that this release does not know."""

DENIED = "denied"

_MOST = 10**12
_UNIT_OF = {limit: unit for unit, limit in LIMIT_OF.items()}


def limit_met(draft: Draft, limit: str, used: object, allowed: object) -> None:
    """Have a run end that meets a limit, ask for more, or wait for a person to say so."""
    if draft.run.budget.more.met is not None:
        return
    unit, said = _UNIT_OF.get(limit), _when_spent(draft)
    if unit is None or said.action == "fail":
        endings.limit_reached(draft, limit, used, allowed)
        return
    wanted = _wanted(said, unit)
    by_itself = said.action == "extend" and draft.run.entry.asked
    if not by_itself:
        draft.say(
            j.ExtensionAwaited(
                question_id=draft.next_call_id(),
                limit=limit,
                used=str(used),
                allowed=str(allowed),
                suggested=wanted,
            )
        )
    elif wanted and draft.run.budget.more.times < said.times:
        draft.say(
            j.ExtensionRequested(
                extension_id=draft.next_call_id(),
                added=wanted,
                reason=draft.people(
                    "limit_reached", limit=limit, used=str(used), allowed=str(allowed)
                ),
                asks_tenant=True,
                limit=limit,
                used=str(used),
                allowed=str(allowed),
            )
        )
    else:
        endings.limit_reached(draft, limit, used, allowed)


def extend(draft: Draft, control: commands.ExtendRun) -> str | None:
    """Do what a person asks for a run; return why it cannot be done."""
    if fault := next(_faults(draft, control.added), None):
        return fault
    asks_tenant = draft.run.entry.asked
    draft.say(
        j.ExtensionRequested(
            extension_id=control.request_id,
            added=control.added,
            reason=control.reason,
            asks_tenant=asks_tenant,
            request_id=control.request_id,
        )
    )
    if not asks_tenant:
        _grant(draft, control.request_id, control.added)
    return None


def deny(draft: Draft, control: commands.DenyExtension) -> str | None:
    """Let a run end that waits for a person to extend it; return why it cannot be done."""
    if draft.behaviour < BY_TENANT:
        return draft.people("too_old_to_extend")
    met = draft.run.budget.more.met
    if met is None or met.question_id is None:
        return draft.people("not_awaiting_extension")
    draft.say(
        j.ExtensionRefused(
            extension_id=met.question_id,
            code=DENIED,
            reason=control.reason,
            request_id=control.request_id,
            question_id=met.question_id,
        )
    )
    endings.limit_reached(draft, met.limit, met.used, met.allowed)
    return None


def answered(draft: Draft, answer: ExtensionAnswered) -> None:
    """Raise the run's limits, or put on record that it gets no more; a repeat changes nothing."""
    run = draft.run
    if answer.extension_id not in run.budget.more.pending:
        return
    if answer.verdict is Verdict.GRANTED:
        _grant(draft, answer.extension_id, answer.added)
        return
    known = answer.verdict is Verdict.REFUSED
    draft.say(
        j.ExtensionRefused(
            extension_id=answer.extension_id,
            code=answer.code if known else UNKNOWN_ANSWER,
            reason=answer.reason if known else draft.people(UNKNOWN_ANSWER),
            added=answer.added,
            retry_after_ms=answer.retry_after_ms,
        )
    )
    met = run.budget.more.met
    if met is not None and met.extension_id == answer.extension_id:
        endings.limit_reached(draft, met.limit, met.used, met.allowed)


def _grant(draft: Draft, extension_id: str, added: tuple[Amount, ...]) -> None:
    met = draft.run.budget.more.met
    draft.say(
        j.RunExtended(
            extension_id=extension_id,
            added=added,
            question_id=met.question_id if met else None,
        )
    )


def asked_of_tenant(meta: j.Meta, fact: j.ExtensionRequested) -> ExtensionAsked | None:
    """Return what a fact asks the run's tenant, None where a person's word is enough."""
    if not fact.asks_tenant:
        return None
    return ExtensionAsked(
        tenant_id=meta.tenant_id,
        run_id=meta.run_id,
        extension_id=fact.extension_id,
        added=fact.added,
    )


def more_asked(run: Live) -> Iterator[ExtensionAsked]:
    """Yield what a run has asked its tenant for and that is not answered yet."""
    for extension_id, added in run.budget.more.pending.items():
        yield ExtensionAsked(
            tenant_id=run.tenant_id, run_id=run.run_id, extension_id=extension_id, added=added
        )


def told(added: tuple[Amount, ...]) -> Content:
    """Return amounts as a control that was ignored keeps them on record."""
    return json_content([[each.unit, str(each.amount)] for each in added])


def added_of(said: Content | None) -> tuple[Amount, ...]:
    """Return the amounts that a control asked for which was ignored."""
    pairs = loaded(said.inline) if said and said.inline else []
    return tuple(Amount(unit=unit, amount=amount) for unit, amount in pairs)


def _faults(draft: Draft, added: tuple[Amount, ...]) -> Iterator[str]:
    run = draft.run
    if draft.behaviour < BY_TENANT:
        yield draft.people("too_old_to_extend")
        return
    if not run.started:
        yield draft.people("not_begun")
    if not added:
        yield draft.people("nothing_added")
    if len({each.unit for each in added}) < len(added):
        yield draft.people("added_twice")
    for each in added:
        if each.unit not in LIMIT_OF:
            yield draft.people("unknown_unit", unit=each.unit, units=", ".join(LIMIT_OF))
        elif not 0 < each.amount <= _MOST:
            yield draft.people("bad_extension", unit=each.unit)
        elif each.unit != "usd" and each.amount != int(each.amount):
            yield draft.people("not_whole", unit=each.unit)
        elif getattr(run.limits, LIMIT_OF[each.unit]) is None:
            yield draft.people("without_limit", unit=each.unit)


def _when_spent(draft: Draft) -> WhenSpent:
    if draft.behaviour < BY_TENANT:
        return WhenSpent(action="fail")
    if (said := draft.agent().when_spent) is not None:
        return said
    policy = draft.env.definitions.tenant_policy(draft.run.tenant_id)
    return WhenSpent(action=policy.when_run_spent if policy else "fail")


def _wanted(said: WhenSpent, unit: str) -> tuple[Amount, ...]:
    amount = getattr(said.more, unit)
    return () if amount is None else (Amount(unit=unit, amount=amount),)
