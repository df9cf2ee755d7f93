"""Every system that is measured, in the order of the table."""

from __future__ import annotations

from benchmarks.peers import postgres_peers, runfold
from benchmarks.peers.contract import System
from benchmarks.peers.restate import Restate
from benchmarks.peers.temporal import Temporal

SYSTEMS: tuple[System, ...] = (
    *runfold.variants(),
    *postgres_peers.peers(),
    Restate(),
    Temporal(),
)
