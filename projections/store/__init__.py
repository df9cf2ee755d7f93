"""The projector: the log, read and folded, into Postgres under a fence."""
