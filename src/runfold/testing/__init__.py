"""Tests of agents and tools, without servers."""

__all__: list[str] = []
