"""What goes wrong with settings."""

from __future__ import annotations


class ConfigError(Exception):
    """Stop: a setting is missing, or says something that cannot be meant.

    The message names the variable, what it holds (unless it is secret) and what to set.
    """
