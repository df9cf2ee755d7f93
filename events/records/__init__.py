"""Records that are not facts of a run: requests, controls, alerts, operations."""
