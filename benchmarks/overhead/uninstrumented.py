"""A process of the product that counts nothing.

``python -m benchmarks.overhead.uninstrumented MODULE`` runs it.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable
from typing import Any

from runfold.infra.metrics.bounded import Bounded


class _Nothing:
    """A counter, gauge and histogram that keeps no number."""

    def inc(self, amount: float = 1) -> None:
        """Keep nothing."""

    def dec(self, amount: float = 1) -> None:
        """Keep nothing."""

    def set(self, value: float) -> None:
        """Keep nothing."""

    def observe(self, amount: float) -> None:
        """Keep nothing."""

    def set_function(self, function: Callable[[], float]) -> None:
        """Ask nothing."""


_NOTHING = _Nothing()


def _child(_metric: Any, *_labels: str) -> Any:
    return _NOTHING


if __name__ == "__main__":
    Bounded.__call__ = _child  # type: ignore[method-assign, assignment]
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
