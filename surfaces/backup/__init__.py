"""Backing a deployment up into a folder, and restoring the folder into an empty deployment."""
