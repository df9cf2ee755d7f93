"""Calls of models and tools."""
