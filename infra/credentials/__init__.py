"""Credentials of clients: who they may speak for, proved by a header of each record."""
