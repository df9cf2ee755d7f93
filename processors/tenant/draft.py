"""A decision of a tenant in the making; a period of its journal is closed where it is full."""

from __future__ import annotations

from runfold.events import tenant as t
from runfold.events.base import Fact
from runfold.processors.engine.aggregate import Env
from runfold.processors.tenant.behaviour import ANSWERS_KEPT, CURRENT
from runfold.processors.tenant.evolve import evolve, is_awaited
from runfold.processors.tenant.periods import began
from runfold.processors.tenant.state import Tenant
from runfold.processors.tenant.use import Use

ENTRIES = 500
"""How many facts a period of the journal has at the least, so that a restore reads few."""


class Draft:
    """Collects the facts of one decision; ``tenant`` is the state after all of them.

    A period that it opens takes the behaviour ``begins_with``.
    """

    def __init__(
        self, state: Tenant | None, tenant_id: str, env: Env, begins_with: int = CURRENT
    ) -> None:
        self.env = env
        self.tenant = state or Tenant(tenant_id)
        self.policy = env.definitions.tenant_policy(tenant_id)
        self.steps: list[tuple[Fact, Tenant]] = []
        self._begins_with = begins_with
        self._must_open = state is None or _is_full(state)

    def say(self, fact: Fact) -> None:
        """Add a fact and fold it, behind the opening of a period where one is due."""
        if self._must_open:
            self._must_open = False
            self._add(_opening(self.tenant, self.env, self._begins_with))
        self._add(fact)

    @property
    def keeps_answers(self) -> bool:
        """Whether the tenant knows what it answered to runs that asked for more."""
        return self.tenant.period.behaviour >= ANSWERS_KEPT

    def use(self) -> Use:
        """Return what is used now."""
        return Use(self.tenant, self.env.now)

    def _add(self, fact: Fact) -> None:
        self.tenant = evolve(self.tenant, fact, self.env.now)
        self.steps.append((fact, self.tenant))


def _is_full(state: Tenant) -> bool:
    # What is carried over costs as much as what it stands for.
    return state.period.entries >= max(ENTRIES, 2 * (len(state.running) + len(state.waiting)))


def _opening(tenant: Tenant, env: Env, behaviour: int) -> t.BooksOpened:
    lasting = [book for book in tenant.books.values() if book.start == began(book.period, env.now)]
    return t.BooksOpened(
        tenant_id=tenant.tenant_id,
        period=tenant.period.number + 1,
        clock=tenant.clock,
        arrivals=tenant.arrivals,
        running=tuple(tenant.running.values()),
        waiting=tenant.waiting,
        shares=tuple(t.Share(flow=flow, finish=end) for flow, end in tenant.shares.items()),
        books=tuple(lasting),
        reviewed_at=tenant.reviewed_at,
        paces=tuple(pace for pace in tenant.paces.values() if pace.next > env.now),
        settled=tuple(each for each in tenant.settled.values() if is_awaited(each, env.now)),
        behaviour=behaviour,
    )
