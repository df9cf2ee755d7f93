"""Turning a decision into what a batch writes, or its conclusion where it cannot be written."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

from runfold.events.base import Fact
from runfold.events.errors import RegistryError
from runfold.processors.engine.aggregate import Command, Env, NotKnownYetError, S
from runfold.processors.engine.core.event_builder import EventBuilder
from runfold.processors.engine.core.outbox import Outbox, Place
from runfold.processors.engine.core.outcome import Outcome
from runfold.processors.engine.core.partition_state import Tracked
from runfold.processors.engine.spec import AggregateSpec

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Case(Generic[S]):
    """An input that was decided: of which aggregate, on which state, with what."""

    key: str
    before: Tracked[S] | None
    command: Command
    cause: str
    env: Env


class DecisionWriter(Generic[S]):
    """Adds decisions to a batch, each whole or not at all.

    Whatever keeps a decision from being written (an event that is too large, a value that cannot
    be encoded) has an outcome: the aggregate concludes the command, in the last resort by its end.
    """

    def __init__(self, spec: AggregateSpec[S], builder: EventBuilder[S], outbox: Outbox[S]) -> None:
        self._conclude = spec.aggregate.conclude
        self._builder = builder
        self._outbox = outbox

    def add(
        self,
        batch: Outcome[S],
        case: Case[S],
        decided: Sequence[tuple[Fact, S]],
        delivered: dict[Place, int],
    ) -> None:
        """Add a decision, or its conclusion; raises what kept it out where neither can be written.

        ``delivered`` are the last numbers of messages that are known to be where they belong.
        """
        try:
            self._add(batch, case, decided, delivered)
        except (RegistryError, NotKnownYetError, MemoryError):
            # Another process, or this one a moment later, may write it.
            raise
        except Exception as problem:
            logger.exception("a decision could not be written")
            if not self._concluded(batch, case, type(problem).__name__, delivered):
                raise

    def _concluded(
        self, batch: Outcome[S], case: Case[S], error: str, delivered: dict[Place, int]
    ) -> bool:
        before = case.before
        state = before.state if before else None
        for last in (False, True):
            if self._conclude is None:
                return False
            decided = self._conclude(state, case.command, case.env, error, last=last)
            if decided is None:
                return False
            try:
                self._add(batch, case, decided, delivered)
            except RegistryError:
                raise
            except Exception:
                logger.exception("what a decision was concluded with could not be written")
            else:
                return True
        return False

    def _add(
        self,
        batch: Outcome[S],
        case: Case[S],
        decided: Sequence[tuple[Fact, S]],
        delivered: dict[Place, int],
    ) -> None:
        step = self._builder.events(
            case.key, case.before, decided, case.command, case.cause, case.env
        )
        if not step.sends:
            batch.add(step)
            return
        # All of them, before anything is part of the batch.
        sent = batch.progress.sent.copy()
        numbered = list(self._outbox.number(step.sends, sent, delivered))
        batch.add(step)
        batch.progress.sent = sent
        batch.others += numbered
