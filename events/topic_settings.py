"""What is wrong with the settings of a topic that is there, and how bad that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runfold.events.topics import COPIES_IN_SYNC

MEND = "`python -m runfold.stack.prepare --mend`"
"""The command that sets every setting as declared."""

_IN_SYNC = "min.insync.replicas"
_WHY = {
    "cleanup.policy": "the broker would delete what is to be kept, or never what is superseded",
    "retention.ms": "the broker would delete records that are still needed",
    "retention.bytes": "the broker would delete records that are still needed",
    "max.message.bytes": "records that Runfold takes would be refused",
    "message.timestamp.type": "records would carry another time than readers count on",
    "unclean.leader.election.enable": "acknowledged records could be lost",
    _IN_SYNC: "an acknowledged record must stand on so many copies, and no more are there",
    "compression.type": "readers would meet compressed records, which some clients cannot read",
}
# What is no guarantee, but speed, or a bound that the record's senders keep as well.
_HARMLESS = frozenset(
    {"segment.ms", "min.cleanable.dirty.ratio", "compression.type", "delete.retention.ms"}
)


@dataclass(frozen=True, slots=True)
class SettingFault:
    """A setting of a topic that is not as declared; ``breaks``: a guarantee rests on it."""

    topic: str
    setting: str
    found: str
    needed: str
    breaks: bool

    def sentence(self) -> str:
        """Return what is wrong and what it leads to."""
        why = _WHY.get(self.setting, "the topic would be slower to read")
        said = f"{self.topic} has {self.setting}={self.found}, it must be {self.needed}"
        return f"{said}: otherwise {why}" if self.setting != _IN_SYNC else f"{said}: {why}"

    def command(self) -> str:
        """Return what sets it right."""
        return (
            f"{MEND}, or kafka-configs --alter --entity-type topics --entity-name {self.topic} "
            f"--add-config {self.setting}={self.needed}"
        )


def needed(config: Mapping[str, str], copies: int) -> dict[str, str]:
    """Return every setting that a topic of so many copies must have."""
    in_sync = COPIES_IN_SYNC if copies > COPIES_IN_SYNC else 1
    return {**config, _IN_SYNC: str(in_sync)}


def faults(
    topic: str, config: Mapping[str, str], found: Mapping[str, str], copies: int
) -> list[SettingFault]:
    """Return the settings of a topic that are not as declared in ``config``, worst first."""
    wrong = [
        SettingFault(topic, name, found.get(name, "nothing"), meant, _breaks(name, meant, found))
        for name, meant in needed(config, copies).items()
        if not _fits(name, meant, found.get(name, ""), copies)
    ]
    return sorted(wrong, key=lambda fault: not fault.breaks)


def _fits(name: str, meant: str, found: str, copies: int) -> bool:
    if name == _IN_SYNC:
        # More copies in step than there are copies, and nothing can be written.
        return found.isdecimal() and int(meant) <= int(found) <= max(copies, 1)
    if name.startswith("retention."):
        return found == "-1" or (found.isdecimal() and meant != "-1" and int(found) >= int(meant))
    return found == meant


def _breaks(name: str, meant: str, found: Mapping[str, str]) -> bool:
    if name == "max.message.bytes":
        value = found.get(name, "")
        return not value.isdecimal() or int(value) < int(meant)
    return name not in _HARMLESS
