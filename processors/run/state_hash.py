"""What ``CheckpointWritten.state_hash`` covers: a declared projection of the state, by behaviour.

A projection is a list of plain values in a fixed order, hashed as canonical JSON. It is declared
here and nowhere else: fields of the state that it does not name may come, go and move. A projection
that has a number never changes; what shall cover more is the projection of the next behaviour.
"""

from __future__ import annotations

import hashlib

from runfold.events.content import canonical_json
from runfold.processors.run.state import NO_MORE, Live, Watch


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
    if run.entry.pace is not None or run.entry.cheaper or run.budget.more != NO_MORE:
        covered += _added_by_tenants(run)
    if run.loop.watch is not None:
        covered += _added_by_brakes(run.loop.watch)
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
