"""From folded rows to statements that Postgres runs."""
