"""Spans of runs and calls, sampled by trace id and sent over OTLP."""
