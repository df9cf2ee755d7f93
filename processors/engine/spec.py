"""Where one kind of aggregate stands on the log, and what the engine must know to keep it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol

from runfold.events.base import Fact, Record
from runfold.events.definitions import Definitions
from runfold.events.topics import DEAD_LETTERS
from runfold.events.values import Actor
from runfold.processors.engine.aggregate import Aggregate, Command, S, Send
from runfold.processors.engine.core.inputs import Received
from runfold.processors.engine.ports import Wish


@dataclass(frozen=True, slots=True)
class AggregateTopics:
    """The topics of one kind of aggregate; all of them have the same number of partitions.

    ``requests`` may begin an aggregate. ``completions`` lists the ends, by which a repeated
    request is recognised; a kind that never ends has none. ``answers`` carries what ``answers`` of
    the kind says.
    """

    requests: str
    journal: str
    restore: str
    parked: str
    controls: str | None = None
    results: str | None = None
    completions: str | None = None
    answers: str | None = None
    dead_letters: str = DEAD_LETTERS

    @property
    def inputs(self) -> tuple[str, ...]:
        """What a lane reads from the log."""
        found = (self.requests, self.controls, self.results)
        return tuple(topic for topic in found if topic is not None)

    @property
    def all(self) -> tuple[str, ...]:
        """The topics whose ends a restore must know."""
        found = (self.restore, self.parked, self.journal, self.completions, self.requests)
        return tuple(topic for topic in found if topic is not None)


def begin_all(_state: object, _work: Record) -> Wish:
    """Return that all work is wanted, whatever became of its aggregate."""
    return Wish.BEGIN


def checks_nothing(_record: Record, _appended_at: datetime) -> bool:
    """Return that senders see nothing of the kind."""
    return False


def bars_nothing(_state: object, _command: Command) -> str | None:
    """Return that every input may be decided."""
    return None


def passes_nothing_on(_record: Record, _definitions: Definitions) -> Sequence[Send]:
    """Return that nobody has to learn of it."""
    return ()


class MakeMeta(Protocol):
    """Makes the head of an event, as it stands before the fact on the wire."""

    def __call__(  # noqa: PLR0913, PLR0917 - an event has so much meta
        self,
        key: str,
        seq: int,
        tenant_id: str,
        time: datetime,
        status: object,
        cause: str,
        actor: Actor,
        traceparent: str,
        prev_hash: bytes,
        definitions: int,
    ) -> Record:
        """Return the head of the event ``seq`` of the aggregate ``key``.

        ``definitions`` is the position of the definitions that it was decided with.
        """
        ...


@dataclass(frozen=True, slots=True)
class AggregateSpec(Generic[S]):
    """One kind of aggregate: its behaviour, its place on the log, and the words that it uses.

    ``name`` begins the transactional ids and names the consumer groups: it may never change.
    """

    name: str
    topics: AggregateTopics
    aggregate: Aggregate[S]

    meta: MakeMeta
    terminal: frozenset[type[Fact]]
    """The facts that end an aggregate; nothing follows them."""

    work_topics: Mapping[type[Record], str]
    """Where a pool takes a kind of work from."""

    key_of: Callable[[Record], str]
    """The key of the aggregate that an input, a result or a piece of work belongs to."""

    name_of: Callable[[Record], str]
    """What names a piece of work and its result: unique within the aggregate, the same when the
    work is handed out again."""

    begins: Callable[[Record], bool]
    """Whether an input may begin an aggregate that is not live."""

    screen: Callable[[Record, datetime], str | None]
    """Why an input, appended at this time, may not be decided at all, whatever the state
    (``code: reason``); None if it may."""

    not_live: Callable[[Record, str], str | None]
    """Why an input that begins nothing and whose aggregate (the key) is not live must be on record
    as a dead letter (``code: reason``); None if it may be dropped."""

    lacks: Callable[[Record, Definitions], bool]
    """Whether an input that begins an aggregate names a definition that is not known yet. The
    engine then reads what was published before it decides."""

    parked: Callable[[str, tuple[bytes, ...]], Record]
    """Makes the record that holds a part of a sleeping aggregate: its key and its events' values.
    The record has a field ``values``."""

    outbox: Mapping[type[Fact], Callable[[Any, Any], Sequence[Send]]] = field(default_factory=dict)
    """For each fact that says something to other aggregates, the messages that an event of it
    makes, given its meta and the fact. The event alone determines them: they are derived again from
    the journal, where no state is known any more."""

    carries: frozenset[type[Fact]] = frozenset()
    """The facts that carry the whole state over, the first of each period: what came before them
    need not be read again. ``evolve`` of such a fact must not depend on the state before."""

    answers: Mapping[type, Callable[[Any, Any], Record]] = field(default_factory=dict)
    """For each kind of input that is a question, its answer, given the state after it was decided
    (None where nothing is live) and the question."""

    wish: Callable[[Any, Any], Wish] = begin_all
    """Whether a piece of local work that waited for its turn is still to be done, given the state.
    Called from another thread than the lane's."""

    strays: Callable[[Record, Definitions], Sequence[Send]] = passes_nothing_on
    """What others must learn of an input whose aggregate is not live and that begins nothing. No
    event says it, so it has no number: it may come more than once, and a receiver must know a
    repeat by what it says."""

    source: str = "runfold/processor"
    """The ``ce_source`` of what it writes."""

    checked: Callable[[Record, datetime], bool] = checks_nothing
    """Whether what ``screen`` holds against an input, appended at this time, is what a sender sees
    by the acknowledgement. Where the input says that its sender looks, it needs no dead letter."""

    prove: Callable[[Record, Received], Record | None] | None = None
    """What is on record of the credential that an input came with; None asks for none."""

    bars: Callable[[Any, Command], str | None] = bars_nothing
    """Why an input may not be decided on this state (``code: reason``), where no fact can say so;
    None if it may."""

    label: str = ""
    """What the partition's number follows where the lanes are counted: empty for one kind only in
    a process."""

    measure: Callable[[int, Iterable[S]], None] | None = None
    """Told about once a second the number of a partition and the states that live there."""

    sends_to: tuple[str, ...] = ()
    """The topics that ``outbox`` writes to."""

    def transactional_id(self, app: str, partition: int) -> str:
        """Return the stable id whose newest producer owns a partition; it may never change."""
        return f"{app}-{self.name}-{partition}"

    def owners_group(self, app: str) -> str:
        """Return the consumer group whose members own the partitions."""
        return f"{app}-{self.name}-owners"

    def positions_group(self, app: str) -> str:
        """Return the consumer group that shows lag monitors how far the inputs are decided."""
        return f"{app}-{self.name}-positions"
