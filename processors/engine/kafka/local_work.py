"""The local work of one incarnation of a lane: what is out, and whether it is still wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Generic

from runfold.events.base import Record
from runfold.processors.engine.aggregate import S
from runfold.processors.engine.core.inputs import Input, NotDone, Returned
from runfold.processors.engine.core.partition_state import PartitionState, Tracked
from runfold.processors.engine.kafka.inputs.inbox import Inbox
from runfold.processors.engine.ports import EffectHost, Wish
from runfold.processors.engine.spec import AggregateSpec


class LocalWork(Generic[S]):
    """Hands work to the effects of this process, which ask back before they begin it.

    ``out`` counts what was handed out and has neither come back nor been dropped.
    """

    def __init__(
        self,
        effects: EffectHost,
        spec: AggregateSpec[S],
        inbox: Inbox,
        partition_state: PartitionState[S],
    ) -> None:
        self._effects = effects
        self._spec = spec
        self._inbox = inbox
        self._live = partition_state.live
        self._undecided: Mapping[str, Tracked[S] | None] = {}
        self._waits = self._withdrawn = False
        self.out = 0

    def hand_out(self, works: Sequence[Record]) -> None:
        """Have work done whose facts are committed."""
        if works:
            self.out += len(works)
            self._effects.submit_many(works, self._inbox.deliver, self._wish, self._drop)

    def deciding(self, changed: Mapping[str, Tracked[S] | None]) -> None:
        """Heed what is about to be committed: nothing begins that it does not want any more.

        Where the commit fails, this incarnation ends, and all that is out is handed out again.
        """
        self._undecided = changed

    def decided(self) -> None:
        """Take what was about to be committed for part of the state, as it is by now."""
        self._undecided = {}
        if self._waits:
            self._waits = False
            self._effects.look_again()

    def withdraw(self) -> None:
        """Want nothing that has not begun: a lane that ends need not wait for it."""
        self._withdrawn = True
        self._effects.look_again()

    def take_back(self, items: Sequence[Input | NotDone]) -> list[Input]:
        """Count what has come back or was dropped; return the inputs, what was dropped left out."""
        self.out -= sum(isinstance(item, Returned | NotDone) for item in items)
        return [item for item in items if not isinstance(item, NotDone)]

    def _wish(self, work: Record) -> Wish:
        """Return whether work is still wanted; called on the effects' thread."""
        if self._withdrawn or not self._inbox.is_open():
            return Wish.DROP
        key, undecided = self._spec.key_of(work), self._undecided
        known = undecided[key] if key in undecided else self._live.get(key)
        if known is None:
            return Wish.DROP
        wish = self._spec.wish(known.state, work)
        self._waits = self._waits or wish is Wish.WAIT
        return wish

    def _drop(self, _work: Record) -> None:
        self._inbox.put(NotDone())
