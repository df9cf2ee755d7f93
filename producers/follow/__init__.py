"""Following runs: one reader of a topic per process, joined to each follower's history."""
