"""What a tenant's decisions were made by: a number for each period of its journal.

A period keeps the behaviour that it was opened with, so that every decision of an old journal is
made again as it was made then.

1. The first.
2. A run that asks for more once more under the same id is answered as it was: nothing is set aside
   twice. A run gets more so many times and no more often.
"""

from __future__ import annotations

FIRST = 1
CURRENT = 2

ANSWERS_KEPT = 2
"""The behaviour from which a tenant keeps what it answered to runs that ask for more."""
