"""Logs as JSON lines, with secrets masked."""
