"""Where a listener of a run's events stands: what it has, and where it goes on after a loss."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from runfold.events.catalogue import TERMINAL_FACTS
from runfold.surfaces.application import shapes
from runfold.surfaces.client import answers, asking, sse
from runfold.surfaces.client.answers import Answer
from runfold.surfaces.client.asking import Ask
from runfold.surfaces.client.retrying import Retries, Trying

_TERMINAL = frozenset(fact.__name__ for fact in TERMINAL_FACTS)


@dataclass(slots=True)
class Until:
    """How long something may take; None is for ever."""

    seconds: float | None
    began: float = field(default_factory=time.monotonic)

    def left(self) -> float | None:
        """Return how many seconds are left."""
        if self.seconds is None:
            return None
        return max(0.0, self.seconds - (time.monotonic() - self.began))

    def is_over(self) -> bool:
        """Return whether none are."""
        return self.left() == 0.0

    def bounded(self, pause: float) -> float:
        """Return a pause, or what is left where that is less."""
        left = self.left()
        return pause if left is None else min(pause, left)

    def sleep(self, pause: float) -> None:
        """Wait for a pause, or until the time is over."""
        time.sleep(self.bounded(pause))


class Following:
    """One listener of one run, over as many connections as it takes; no I/O.

    Nothing is given twice: what comes again after a loss is passed over by its number.
    """

    def __init__(self, run_id: str, after: int, retries: Retries) -> None:
        self._run_id, self._after, self._retries = run_id, after, retries
        self._parser = sse.Parser()
        self.trying = Trying(self.ask, retries)
        self.ended = False

    @property
    def ask(self) -> Ask:
        """The request that goes on behind what is known."""
        return asking.stream(self._run_id, self._after)

    def take(self, piece: bytes) -> Iterator[shapes.Event]:
        """Take what arrived and yield the events in it that are new."""
        for message in self._parser.feed(piece):
            event = answers.shape(shapes.Event, answers.value(message.data))
            if event.seq <= self._after:
                continue
            self._after = event.seq
            self.ended = event.type in _TERMINAL
            # Something came: what went wrong before counts no more.
            self.trying = Trying(self.ask, self._retries)
            yield event

    def closed(self) -> None:
        """Note that a connection ended as it should: more may come over another."""
        self._parser = sse.Parser()

    def pause_after_loss(self) -> float | None:
        """Return after how long the next connection is tried; None where no more are."""
        self._parser = sse.Parser()
        return self.trying.pause_after_loss(sent=True)

    def refused(self, answer: Answer) -> float:
        """Take an answer that is no stream; return the pause, or raise what it means.

        204 says that nothing comes any more.
        """
        if answer.status == 204:
            self.ended = True
            return 0.0
        pause = self.trying.pause_after(answer)
        if pause is None:
            raise answers.error_of(answer)
        return pause
