"""The vocabulary of Runfold: everything that can be said on the log, and its wire form.

This room imports pydantic, fastavro and the standard library, and does no I/O of its own.
"""
