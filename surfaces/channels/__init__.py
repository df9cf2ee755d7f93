"""Runs on every channel: one composer, and an adapter for each channel behind one port [187]."""
