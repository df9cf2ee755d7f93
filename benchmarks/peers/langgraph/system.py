"""LangGraph with its checkpoints in Postgres."""

from __future__ import annotations

from benchmarks.peers.support.postgres_peer import PostgresPeer


def peer() -> PostgresPeer:
    """Return the system."""
    return PostgresPeer(
        "langgraph",
        "LangGraph + PostgresSaver",
        "langgraph.worker",
        ("langgraph", "langgraph-checkpoint-postgres", "psycopg"),
        'AsyncPostgresSaver, durability="sync", 10 savers a process, a connection each; '
        "after a kill the worker invokes the open threads again",
    )
