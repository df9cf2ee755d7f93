"""The floor under Runfold: what the same events and rows cost without everything Runfold does.

``python -m benchmarks.floors`` makes runs on Runfold, takes the events and rows that they left, and
measures the least that broker, codec and database need for them.
"""
