"""Runs whose calls a graph of steps decides on, and no model."""
