"""Calls of tools: proposed, judged, approved, tried dry, made."""
