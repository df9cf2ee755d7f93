"""What waits under one key: tenants take turns, and each tenant's runs do."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Turns(Generic[T]):
    """A queue in which nobody is served twice while another tenant, or another run of it, waits."""

    def __init__(self) -> None:
        self._tenants: OrderedDict[str, OrderedDict[str, deque[T]]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, tenant: str, run: str, item: T) -> None:
        """Add an item behind those of its run."""
        self._tenants.setdefault(tenant, OrderedDict()).setdefault(run, deque()).append(item)
        self._count += 1

    def put_first(self, tenant: str, run: str, item: T) -> None:
        """Add an item before all others."""
        runs = self._tenants.setdefault(tenant, OrderedDict())
        runs.setdefault(run, deque()).appendleft(item)
        runs.move_to_end(run, last=False)
        self._tenants.move_to_end(tenant, last=False)
        self._count += 1

    def first(self) -> T:
        """Return what is next; there must be something."""
        runs = next(iter(self._tenants.values()))
        return next(iter(runs.values()))[0]

    def take(self) -> T:
        """Take what is next out; its run and its tenant go behind the others."""
        tenant, runs = next(iter(self._tenants.items()))
        run, items = next(iter(runs.items()))
        item = items.popleft()
        self._count -= 1
        if items:
            runs.move_to_end(run)
        else:
            del runs[run]
        if runs:
            self._tenants.move_to_end(tenant)
        else:
            del self._tenants[tenant]
        return item
