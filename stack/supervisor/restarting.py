"""Parts of a stack are ended and started again, one after another, while the others go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from runfold.stack.errors import StackError
from runfold.stack.supervisor import state
from runfold.stack.supervisor.member import Member
from runfold.stack.supervisor.orders import Order

_READY_SECONDS = 90.0

Renew = Callable[[Member], None]
"""Gives a member the program that it is to be started as; raises StackError."""


class Restarting:
    """One order, carried out step by step: ``look`` after the members were watched.

    A part ends as it does at a stop, with time for its calls, and must do its work again before
    the next one ends. The first that does not ends the order: the others stay as they are, and
    that one is tried again by ``Member.watch``.
    """

    def __init__(
        self, order: Order, members: Sequence[Member], renew: Renew, refused: str = ""
    ) -> None:
        by_name = {member.program.name: member for member in members}
        self._id = order.id
        self._renew = renew
        self._left = [by_name[name] for name in order.parts if name in by_name]
        self._failure = refused
        self._ending = True
        self._until = 0.0
        wrong = [name for name in order.parts if name not in by_name or by_name[name].program.once]
        if wrong and not refused:
            self._fail(f"Nothing that runs here and can be restarted: {', '.join(wrong)}.")
        self._begin()

    @property
    def over(self) -> bool:
        """Whether there is nothing left to do."""
        return not self._left

    def tell(self) -> state.Restart:
        """Return what others may know."""
        left = tuple(member.program.name for member in self._left)
        return state.Restart(self._id, left, self._failure)

    def look(self) -> bool:
        """Take the next step if it is time; return whether anything changed."""
        if self.over:
            return False
        member = self._left[0]
        if self._ending:
            return self._end(member)
        if member.state in {"running", "done"}:
            self._left.pop(0)
            self._begin()
            return True
        name = member.program.name
        if member.state == "failed":
            return self._fail(f"{name} does not start: {member.reason}.")
        if time.monotonic() > self._until:
            return self._fail(f"{name} is not ready after {_READY_SECONDS:.0f} s.")
        return False

    def _begin(self) -> None:
        if self._left:
            self._ending = True
            self._left[0].ask(time.monotonic())

    def _end(self, member: Member) -> bool:
        if member.state in {"stopped", "failed", "done"}:
            return self._start(member)
        if member.state != "stopping":
            # Something else has started it meanwhile, as it was.
            member.ask(time.monotonic())
            return True
        return False

    def _start(self, member: Member) -> bool:
        failure = ""
        for step in (partial(self._renew, member), member.start_afresh):
            try:
                step()
            except StackError as error:
                failure = failure or str(error)
        if failure:
            return self._fail(f"{member.program.name} does not start: {failure}")
        self._ending, self._until = False, time.monotonic() + _READY_SECONDS
        return True

    def _fail(self, why: str) -> bool:
        self._failure, self._left = why, []
        return True
