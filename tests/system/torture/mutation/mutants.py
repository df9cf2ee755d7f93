"""Mistakes that a plausible programmer would make, each with the trouble that must show it.

A mutant is text of the product replaced by other text in a copy of the tree; where the old text
is no longer there exactly once, ``test_mutants.py`` says so.
"""

from __future__ import annotations

from tests.system.torture.mutation.governed import OF_GOVERNED
from tests.system.torture.mutation.mutant import Edit, Mutant
from tests.system.torture.mutation.surfaces import OF_SURFACES
from tests.system.torture.mutation.tenants import OF_TENANTS
from tests.system.torture.mutation.troubles import (
    AMBIGUOUS,
    FORGETFUL,
    HELD,
    KILLED_POOL,
    KILLED_PROJECTOR,
    KILLED_RUNS,
    KILLED_TOOLS,
    LATE,
    NOISE,
    PARKED,
    POISONED,
    REPEATED,
    ZOMBIE,
    ZOMBIE_PROJECTOR,
)
from tests.system.torture.mutation.worlds import OF_WORLDS

_LANE = "processors/engine/kafka/lane.py"
_FOLD = "processors/engine/core/batch.py"
_RESULTS = "processors/run/agent/calls/results.py"
_REBUILD = "processors/engine/core/rebuild.py"
_TRANSACTION = "processors/engine/kafka/transaction.py"

_HAND_OUT = """\
            if not self._stopping.is_set():
                # What a stopping lane leaves is handed out once, by the next owner.
                self._work.hand_out(outcome.local)
"""
_WRITE = "            first = self._writer.write(outcome.messages())\n"
_RESTORE = """\
        restore = Restore(config, shared.spec, shared.codec, self.partition, self._beat)
        self._partition_state = restore.partition_state()
"""
_MAKE_WRITER = """\
        self._writer = Transactions(
            config,
            shared.spec.transactional_id(config.app, self.partition),
            shared.spec.topics.journal,
            self.partition,
        )
"""
_SPEC = "processors/engine/spec.py"
_COMMITTED = "            self._producer.commit_transaction(self._commit_timeout)\n"

MUTANTS = (
    Mutant(
        "work is handed out before the commit",
        HELD,
        (Edit(_LANE, _HAND_OUT, ""), Edit(_LANE, _WRITE, _HAND_OUT + _WRITE)),
    ),
    Mutant(
        "results are not deduplicated",
        NOISE,
        (
            Edit(
                _RESULTS,
                "call.kind == kind and call.status in _OUT\n",
                "call.kind == kind\n",
            ),
        ),
    ),
    Mutant(
        "the attempt of a result is ignored",
        NOISE,
        (
            Edit(
                _RESULTS,
                "if call is None or not is_out or call.attempt != result.attempt:",
                "if call is None or not is_out:",
            ),
        ),
    ),
    Mutant(
        "requests are not deduplicated",
        NOISE,
        (
            Edit(
                _FOLD,
                "            if key in batch.changed or key in partition_state.ended:\n",
                "            if key in batch.changed:\n",
            ),
        ),
    ),
    Mutant(
        "ended runs are forgotten at restore",
        REPEATED,
        (Edit(_REBUILD, "        self._partition_state.ended[key] = time_ms\n", ""),),
    ),
    Mutant(
        "controls are not deduplicated",
        NOISE,
        (
            Edit(
                "processors/run/lifecycle/controls.py",
                "    if control.request_id in draft.run.controls:\n        return\n",
                "",
            ),
        ),
    ),
    Mutant(
        "a producer is kept after an ambiguous commit",
        AMBIGUOUS,
        (
            Edit(
                _LANE,
                _WRITE,
                "            try:\n"
                "                first = self._writer.write(outcome.messages())\n"
                "            except LaneFault:\n"
                "                for item in inputs:\n"
                "                    self._inbox.put(item)\n"
                "                return\n",
            ),
            Edit(
                _TRANSACTION,
                "            self._producer.begin_transaction()\n",
                "            try:\n"
                "                self._producer.begin_transaction()\n"
                "            except KafkaException:\n"
                "                self._producer.commit_transaction(self._commit_timeout)\n"
                "                self._producer.begin_transaction()\n",
            ),
        ),
    ),
    Mutant(
        "the state in memory is kept after a fault",
        AMBIGUOUS,
        (
            Edit(
                _LANE,
                "        self._partition_state = restore.partition_state()\n",
                '        kept = self.__dict__.get("_kept") or restore.partition_state()\n'
                "        self._partition_state = self._kept = kept\n",
            ),
        ),
    ),
    Mutant(
        "a fenced lane is opened again at once",
        ZOMBIE,
        (Edit(_LANE, "except (LaneFault, RegistryError) as", "except (LaneFault, Fenced) as"),),
    ),
    Mutant(
        "each process has transactional ids of its own",
        ZOMBIE,
        (
            Edit(
                _SPEC,
                '        return f"{app}-{self.name}-{partition}"\n',
                "        return f\"{app}-{self.name}-{partition}-{__import__('os').getpid()}\"\n",
            ),
        ),
    ),
    Mutant(
        "state is restored to the last stable offset, before the fence",
        LATE,
        (
            Edit(_LANE, _MAKE_WRITER, ""),
            Edit(_LANE, _RESTORE, _RESTORE + "        time.sleep(5)\n" + _MAKE_WRITER),
            Edit(
                "processors/engine/kafka/restoring/partition_reader.py",
                "found = self._ends.high(",
                "found = self._ends.stable(",
            ),
        ),
    ),
    Mutant(
        "the restore point is moved past live runs",
        KILLED_RUNS,
        (
            Edit(
                "processors/engine/core/partition_state.py",
                "        return min(firsts, default=self.end)\n",
                "        return max(firsts, default=self.end)\n",
            ),
        ),
    ),
    Mutant(
        "a parked run's copy is dropped when it wakes",
        PARKED,
        (
            Edit(
                "processors/engine/core/event_builder.py",
                "            if kind in self._terminal:\n",
                "            for part in parts:\n"
                "                copy, topic = part_key(key, part), self._spec.topics.parked\n"
                "                step.others.append(Message(topic, copy, None, []))\n"
                "            if kind in self._terminal:\n",
            ),
        ),
    ),
    Mutant(
        "timers are lost at restore",
        FORGETFUL,
        (
            Edit(
                _LANE,
                "        for key, live in self._partition_state.live.items():\n"
                "            self._timers.put(key, live.timer)\n",
                "",
            ),
        ),
    ),
    Mutant(
        "local calls are not handed out again",
        FORGETFUL,
        (Edit(_LANE, "        self._reopen_work()\n", ""),),
    ),
    Mutant(
        "a dead letter does not note its position",
        POISONED,
        (Edit(_FOLD, "        if batch.dead:\n", "        if batch.dead > 1_000_000:\n"),),
    ),
    Mutant(
        "the pool hears answers that are not committed",
        HELD,
        (
            Edit(
                "processors/effects/pool/permits.py",
                "KafkaTail(self._kafka)",
                'KafkaTail(self._kafka, own={"isolation.level": "read_uncommitted"})',
            ),
        ),
    ),
    Mutant(
        "the pool begins without asking",
        NOISE,
        (
            Edit(
                "processors/effects/maker.py",
                "granted = await gate.asked(awaited.work)",
                "granted = True",
            ),
        ),
    ),
    Mutant(
        "a run permits what is not out any more",
        KILLED_POOL,
        (
            Edit(
                "processors/run/agent/calls/beginnings.py",
                "call is None or call.status is not CallStatus.RUNNING or call.attempt",
                "call is None or call.attempt",
            ),
        ),
    ),
    Mutant(
        "the pool commits work before its result is out",
        KILLED_POOL,
        (
            Edit(
                "processors/effects/pool/core.py",
                "        tracker.take(received.offset)\n",
                "        tracker.take(received.offset)\n        tracker.done(received.offset)\n",
            ),
        ),
    ),
    Mutant(
        "the claim is taken after the call",
        KILLED_TOOLS,
        (
            Edit(
                "processors/tool/claims/claimed.py",
                '    failpoint("tool.before_claim")\n',
                '    early = await run()\n    failpoint("tool.before_claim")\n',
            ),
            Edit(
                "processors/tool/claims/claimed.py",
                "            return await _run_held(claims, told.held, begin,"
                " ask if begin is run else None)\n",
                "            return await _run_held("
                "claims, told.held, partial(_same, early), None)\n"
                "\n\nasync def _same(early: Ending) -> Ending:\n    return early\n",
            ),
        ),
    ),
    Mutant(
        "what a dead owner began is begun again",
        KILLED_TOOLS,
        (
            Edit(
                "processors/tool/claims/port.py",
                "    if wanted.safe_to_repeat or claim.attempt <= wanted.cleared:\n",
                "    if wanted.attempt >= claim.attempt:\n",
            ),
        ),
    ),
    Mutant(
        "positions are written apart from the rows",
        KILLED_PROJECTOR,
        (
            Edit(
                "projections/store/store.py",
                "            positions.advance(cursor, moves)\n",
                "            with psycopg.connect(self._url, autocommit=True) as other:\n"
                "                positions.advance(other.cursor(), moves)\n",
            ),
        ),
    ),
    Mutant(
        "the projector is not fenced",
        ZOMBIE_PROJECTOR,
        (
            Edit(
                "projections/store/positions.py",
                '        " next_offset bigint, epoch bigint)"\n'
                '        " WHERE p.view = n.view AND p.topic = n.topic"\n'
                '        " AND p.topic_partition = n.topic_partition AND p.epoch = n.epoch",\n',
                '        " next_offset bigint, epoch bigint)"\n'
                '        " WHERE p.view = n.view AND p.topic = n.topic"\n'
                '        " AND p.topic_partition = n.topic_partition",\n',
            ),
        ),
    ),
    *OF_WORLDS,
    *OF_TENANTS,
    *OF_GOVERNED,
    *OF_SURFACES,
)

TROUBLES = tuple({mutant.trouble.name: mutant.trouble for mutant in MUTANTS}.values())
