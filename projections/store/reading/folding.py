"""Folding while reading: each portion of a batch is folded for every view right after decoding.

The objects of a portion are gone before the next is made, so that the same few megabytes are used
over and over: what is decoded now and folded later has left the processor's cache in between.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from runfold.projections.errors import FoldError
from runfold.projections.store.reading.record_batch import Item, batch_of
from runfold.projections.store.rows.writing import fold_into
from runfold.projections.view import Rows, View

_log = logging.getLogger(__name__)

PORTION: Final = 150
"""How many records are folded at a time."""


class Folding:
    """What views make of one batch, in portions.

    ``rows`` are those of each view, by its name; None once one of them could not be folded.
    """

    def __init__(self, views: Sequence[View]) -> None:
        self._views = views
        self.rows: dict[str, Rows] | None = {view.name: Rows() for view in views}

    def add(self, items: list[Item]) -> None:
        """Fold the next items of the batch."""
        if self.rows is None:
            return
        batch = batch_of(items)
        try:
            for view in self._views:
                rows = self.rows[view.name]
                fold_into(rows, view, batch)
                rows.make_lines()
        except FoldError as error:
            # Whoever writes the batch finds out which of its events it was.
            _log.warning("a batch will be folded again: %s", error)
            self.rows = None
