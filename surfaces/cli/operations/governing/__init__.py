"""Tenants on the terminal: access, policies, contents."""
