"""Every system that is measured, in the order of the table."""

from __future__ import annotations

from benchmarks.peers.contract import System
from benchmarks.peers.dbos import system as dbos
from benchmarks.peers.langgraph import system as langgraph
from benchmarks.peers.restate.system import Restate
from benchmarks.peers.runfold.system import variants
from benchmarks.peers.temporal.system import Temporal

SYSTEMS: tuple[System, ...] = (
    *variants(),
    dbos.peer(),
    langgraph.peer(),
    Restate(),
    Temporal(),
)
