"""Runfold beside its peers: the same run on each of them, by turns, on this machine.

``python -m benchmarks.peers`` measures. What runs in a peer's own environment imports nothing of
Runfold but ``benchmarks.peers.agent.work`` and ``benchmarks.peers.agent.lines``.
"""
