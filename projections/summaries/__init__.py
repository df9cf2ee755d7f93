"""The topic runs.summaries, kept in step with the table of runs."""
