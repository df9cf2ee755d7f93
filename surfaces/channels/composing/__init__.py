"""From a run and a profile to a document: pure."""
