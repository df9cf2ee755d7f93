"""What Alembic runs: the versions that are missing, on the connection that it is given."""

from __future__ import annotations

from alembic import context

# A name of our own: another program in the same schema may use Alembic, too.
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=None,
    version_table=context.config.attributes["version_table"],
)
with context.begin_transaction():
    context.run_migrations()
