"""Versions of the tables that no journal can make again, as Alembic runs them."""
