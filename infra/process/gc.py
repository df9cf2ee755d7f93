"""Garbage collection for processes that keep much and make few cycles."""

from __future__ import annotations

import gc

_YOUNG, _MIDDLE, _OLD = 50_000, 20, 100


def collect_seldom() -> None:
    """Leave what is loaded out of every collection, and collect new objects less often.

    A lane keeps the states of all its runs, and nearly everything else it makes is freed by its
    last reference; with the defaults a third of its time went into looking for cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
