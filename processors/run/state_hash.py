"""What ``CheckpointWritten.state_hash`` covers: a declared projection of the state, by behaviour.

A projection is a list of plain values in a fixed order, hashed as canonical JSON. It is declared
here and nowhere else: fields of the state that it does not name may come, go and move. A projection
that has a number never changes; what shall cover more is the projection of the next behaviour.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from runfold.events.contents.content import canonical_json
from runfold.events.people.approvals import ApprovalTerms, Approver, Holds
from runfold.processors.run.behaviour import BY_PERSON
from runfold.processors.run.state import (
    NO_MORE,
    NO_TREE,
    PLAIN,
    Asking,
    FlowState,
    Hold,
    Live,
    Watch,
)


def state_hash(run: Live) -> bytes:
    """Return the sha256 of the projection that the run's behaviour declares.

    The transcript is in it by its rolling digest, so that hashing a long run costs no more than
    hashing a short one.
    """
    covered = _projection_1(run)
    if run.behaviour >= 2:
        covered += _added_by_2(run)
    if run.behaviour >= 3:
        covered += _added_by_3(run)
    if run.behaviour >= 6:
        covered += _added_by_6(run)
    if run.behaviour >= 7:
        covered += _added_by_7(run)
        covered += _added_by_policies(run)
    if known := _consents(run):
        covered += known
    if run.entry.pace is not None or run.entry.cheaper or run.budget.more != NO_MORE:
        covered += _added_by_tenants(run)
    if run.loop.watch is not None:
        covered += _added_by_brakes(run.loop.watch)
    if run.idle.held is not None:
        covered += _added_by_hold(run.idle.held)
    if run.idle.asking:
        covered += _added_by_asking(run.idle.asking)
    if run.pinned.lineage is not None or run.budget.tree != NO_TREE:
        covered += _added_by_tree(run)
    if run.loop.flow is not None:
        covered += _added_by_flow(run.loop.flow)
    return hashlib.sha256(canonical_json(covered).encode()).digest()


def _projection_1(run: Live) -> list[object]:
    used = run.counters
    return [
        run.run_id,
        run.agent.digest.hex(),
        run.loop.transcript.digest.hex(),
        run.loop.instructions.digest.hex() if run.loop.instructions else "",
        [waiting.id for waiting in run.inbox],
        [
            [c.call_id, c.tool, c.status, c.attempt, c.approval, c.arguments.digest.hex()]
            for c in run.loop.round
        ],
        [used.step, used.model_calls, used.tool_calls, used.retries, used.malformed_answers],
        [used.input_tokens, used.output_tokens, str(used.cost.normalize()), used.unpriced_calls],
        run.loop.plan.model_dump(mode="json") if run.loop.plan else None,
        run.next_call,
    ]


def _added_by_2(run: Live) -> list[object]:
    """What is held of a run besides, as far as it decides what comes next."""
    return [
        run.behaviour,
        run.idle.paused,
        run.loop.malformed,
        str(run.budget.reserved.normalize()),
        sorted(run.attempts.lost),
        sorted(run.attempts.doubted),
    ]


def _added_by_3(run: Live) -> list[object]:
    """The run's own calls that are open, and what the model is to be shown in place of all."""
    own = [call for call in run.loop.calls if not call.answers_model]
    return [[[c.kind, c.call_id, c.status, c.attempt] for c in own], run.loop.shown.hex()]


def _added_by_6(run: Live) -> list[object]:
    """What is known of the beginning of the calls that are open."""
    begun = [call.beginning for call in run.loop.calls]
    return [[[[*each.by], each.handed_out, each.held] for each in begun]]


def _added_by_7(run: Live) -> list[object]:
    """Through which tools the run has read what strangers wrote."""
    return [[*run.loop.taint]]


def _consents(run: Live) -> list[object]:
    """Who let calls happen, from behaviour 7 on; nothing where no policy and no grant is in it."""
    open_ = [(call.call_id, call.consent) for call in run.loop.round]
    later = run.behaviour >= BY_PERSON
    asked = [
        [
            call_id,
            _terms(each.terms),
            [_approver(who) for who in each.given],
            _holds(each.holds),
            *([each.by_time] if later else []),
        ]
        for call_id, each in open_
        if each.given or each.terms != PLAIN or (later and each.by_time)
    ]
    grants = [
        [
            each.id,
            _holds(each.holds),
            [each.tool, each.level, each.left],
            [_approver(who) for who in each.by],
            [*each.taint],
            *([each.shown] if later else []),
        ]
        for each in run.loop.grants
    ]
    return ["consents", asked, grants] if asked or grants else []


def _terms(terms: ApprovalTerms) -> list[object]:
    return [terms.approvers, terms.requester, terms.once, terms.shown]


def _approver(who: Approver) -> list[object]:
    return [who.id, [*who.roles], *([who.on_behalf_of] if who.on_behalf_of else [])]


def _holds(holds: Holds | None) -> list[object]:
    if holds is None:
        return []
    where = [[b.pointer, [*b.one_of], b.at_least, b.at_most] for b in holds.where]
    return [holds.scope, holds.times, where]


def _added_by_policies(run: Live) -> list[object]:
    """By which policies the open calls were judged, from behaviour 7 on; nothing without any."""
    judged = [(call.call_id, call.judged_by) for call in run.loop.calls if call.judged_by]
    return [[[call_id, digest.hex()] for call_id, digest in judged]] if judged else []


def _added_by_tenants(run: Live) -> list[object]:
    """What a run's tenant lets it do, and what more it has asked for; nothing where neither is."""
    more, pace = run.budget.more, run.entry.pace
    met = more.met
    said = [met.limit, met.used, met.allowed, met.question_id, met.extension_id] if met else []
    rates: list[object] = []
    if pace is not None:
        stands = {kind: at.isoformat() for kind, at in pace.stands.items()}
        until = {kind: at.isoformat() for kind, at in pace.until.items()}
        rates = [dict(pace.per_minute), stands, until, pace.times]
    asked = [
        [name, [[each.unit, str(each.amount.normalize())] for each in added]]
        for name, added in more.pending.items()
    ]
    return [[run.entry.cheaper, run.pinned.model], rates, [asked, said, more.times]]


def _added_by_brakes(watch: Watch) -> list[object]:
    """What the brakes of a run remember, from behaviour 7 on; nothing where none watches it."""
    moved = watch.progress
    return [
        [*watch.detectors],
        [watch.seen, [[c.number, c.call_id, c.same.hex(), c.alike.hex()] for c in watch.calls]],
        [[c.outcome, c.risk, c.tainted] for c in watch.calls],
        [[m.step, m.messages, m.seen, m.tainted] for m in watch.marks],
        [[*watch.errors], moved.turns, [each.hex() for each in moved.states], moved.new],
        [[each.at_ms, each.tokens, str(each.cost.normalize())] for each in watch.samples],
        [moved.judged.turns, moved.judged.score, moved.judged.call_id],
        [sorted(watch.succeeded), [*watch.unfounded]],
        [dict(watch.since), dict(watch.applied)],
        [watch.wait.until.isoformat() if watch.wait.until else "", watch.wait.times],
    ]


def _added_by_hold(held: Hold) -> list[object]:
    """Who answers in the model's place; nothing where the model does."""
    return [["held", held.by, held.until.isoformat(), held.hold_ms, held.acts]]


def _added_by_asking(asking: Mapping[str, Asking]) -> list[object]:
    """Who is asked about the calls that wait; nothing where the agent declares no escalation."""
    return [[["asking", name, at.step, [*at.asks]] for name, at in sorted(asking.items())]]


def _added_by_tree(run: Live) -> list[object]:
    """Where the run stands among runs that ask for runs, and what those below it used."""
    tree, lineage = run.budget.tree, run.pinned.lineage
    return [
        [lineage.depth, list(lineage.path)] if lineage else [],
        [[call.call_id, call.child.run_id] for call in run.loop.round if call.child],
        [str(tree.cost.normalize()), tree.tokens, tree.runs, tree.unpriced_calls],
        sorted(tree.out),
    ]


def _added_by_flow(flow: FlowState) -> list[object]:
    """Where each step stands, and with what result."""
    results = {name: step.result.digest.hex() for name, step in flow.steps.items() if step.result}
    return [
        [name, step.attempt, step.call_id, step.outcome, results.get(name, "")]
        for name, step in flow.steps.items()
    ]
