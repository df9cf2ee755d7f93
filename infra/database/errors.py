"""What goes wrong with a database, by what its caller has to do.

DatabaseUnfitError     stop: somebody must change the database, or name another
├── TablesClashError   stop: its schema has tables of somebody else with the names of ours
├── ReadsError         stop: who reads cannot be put on record in it
├── SeparationError    stop: the rows of tenants cannot be kept apart in it as they should
└── TablesTooNewError  stop: its tables are a newer release's that does not let this one write
DatabaseAwayError      retry: it does not answer, or does not take writes for now
"""

from __future__ import annotations

from runfold.infra.settings.errors import ConfigError


class DatabaseUnfitError(ConfigError):
    """The database cannot hold the tables; the message says why, and what to change."""


class TablesClashError(DatabaseUnfitError):
    """The schema holds tables of somebody else with the names of ours; nothing was made."""


class ReadsError(DatabaseUnfitError):
    """Who reads cannot be put on record; the message says what to do."""


class SeparationError(DatabaseUnfitError):
    """The rows of tenants cannot be kept apart; the message says what to do."""


class TablesTooNewError(DatabaseUnfitError):
    """The tables are of a newer release, which does not let this one write to them."""


class DatabaseAwayError(Exception):
    """The database does not answer, or takes no writes, and may do so later."""
