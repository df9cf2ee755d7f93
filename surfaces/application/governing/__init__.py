"""Definitions: publish them, list them, decide about versions."""
