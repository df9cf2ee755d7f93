"""Processes under test that begin with what they import already there.

Most tests that kill a process start it again and again, and each start is a second of processor
time in which modules are imported. ``start`` forks it from a server that has imported them: a
process like any other from then on, with a pid, signals, an environment and descriptors of its own.
That a cold start works is seen by the tests of the stack, of the programs and of the first hour.
"""

from tests.support.warm.client import ROOT, Started, start

__all__ = ["ROOT", "Started", "start"]
