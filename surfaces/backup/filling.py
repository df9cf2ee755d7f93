"""How many offsets a restore has to fill, bounded by what the files of the back-up really hold.

Offsets are kept by records that say nothing: where marks of transactions and what was aborted stood
in the journal, and before the first input that is not decided. How many there are is a number that
the back-up says, and anybody can have written.
"""

from __future__ import annotations

from runfold.surfaces.backup.errors import NotABackupError
from runfold.surfaces.backup.plan import Plan

FREE = 20_000_000
"""So many are filled in minutes, whatever the back-up holds."""

EACH = 20
"""So many more for each record: a transaction has a mark, and some are aborted and tried again."""


def need_fillable(plan: Plan) -> None:
    """Raise NotABackupError where more offsets are to be filled than its records explain."""
    wanted = {(each.topic, each.partition): plan.fillers(each) for each in plan.manifest.topics}
    held = sum(each.records for each in plan.manifest.topics)
    filled, most = sum(wanted.values()), FREE + EACH * held
    if filled > most:
        topic, partition = max(wanted, key=lambda place: wanted[place])
        raise NotABackupError(
            f"The back-up holds {held:,} records and wants {filled:,} offsets filled, most of them "
            f"in {topic}/{partition}; {most:,} are filled at most. Nothing was restored from it."
        )
