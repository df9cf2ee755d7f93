"""Mistakes of what people reach: acknowledged too soon, asked for twice, not heard, not told."""

from __future__ import annotations

from tests.system.torture.mutation.mutant import Edit, Mutant
from tests.system.torture.surfaces.worlds import REACHED_SHORT, UNSURE

OF_SURFACES = (
    Mutant(
        "a gateway acknowledges before the broker did",
        UNSURE,
        (
            Edit(
                "producers/client/async_client.py",
                "            return await asyncio.wrap_future(writer",
                "            return (lambda _: RecordPlace(topic, 0, 0))(writer",
            ),
        ),
    ),
    Mutant(
        "a request that is made again after its lease is given a new run",
        UNSURE,
        (
            Edit(
                "infra/gateway/postgres.py",
                "            return Again(known)\n",
                "            return First(run_id)\n",
            ),
        ),
    ),
    Mutant(
        "a key that is known is given a new run",
        REACHED_SHORT,
        (
            Edit(
                "infra/gateway/postgres.py",
                "                return Done(known)\n",
                "                return First(run_id)\n",
            ),
        ),
    ),
    Mutant(
        "a watcher drops the first event after what was",
        REACHED_SHORT,
        (
            Edit(
                "producers/follow/watching.py",
                "            if each.place.offset >= self.position.get(each.place.partition, 0):\n",
                "            if each.place.offset > self.position.get(each.place.partition, 0):\n",
            ),
        ),
    ),
    Mutant(
        "a webhook that was refused is not tried again",
        REACHED_SHORT,
        (
            Edit(
                "processors/delivery/webhooks/queue.py",
                "        lane = self._landed(row)\n"
                "        self.window = max(1, self.window // 2)\n"
                "        lane.rows.popleft()\n"
                "        if lane.rows:\n"
                "            lane.more,",
                "        if due_at:\n"
                "            self.ended(row, well=False)\n"
                "            return\n"
                "        lane = self._landed(row)\n"
                "        self.window = max(1, self.window // 2)\n"
                "        lane.rows.popleft()\n"
                "        if lane.rows:\n"
                "            lane.more,",
            ),
        ),
    ),
)
