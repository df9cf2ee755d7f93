"""What can go wrong with a projection, by what its caller has to do.

ProjectionError
├── Fenced         stop: another projector has taken these partitions
├── FoldError      isolate: a view cannot take an event; a bug in the view or in the event
├── NotCaughtUp    retry: the view has not reached that place of the log in the time given
├── RebuildRefused refuse: something over the tables would be lost, or a rebuild is under way
├── TablesInUse    retry: others hold the tables and do not let go
├── UnknownView    refuse: there is no view of that name
└── SchemaTooNew   stop: the tables were made by a newer release
"""

from __future__ import annotations


class ProjectionError(Exception):
    """The root of what this room raises."""


class Fenced(ProjectionError):  # noqa: N818 - the field's word for it
    """Another projector has taken a partition since; this one must not write again."""


class FoldError(ProjectionError):
    """A view's function failed on a batch."""


class NotCaughtUp(ProjectionError):  # noqa: N818
    """A view did not reach a place of the log in the time given."""


class UnknownView(ProjectionError):  # noqa: N818
    """A view was named that does not exist; the message lists those that do."""


class RebuildRefused(ProjectionError):  # noqa: N818
    """A rebuild would lose what somebody has made over the tables, or is under way already."""


class TablesInUse(ProjectionError):  # noqa: N818
    """Other sessions hold tables that a rebuild needs, and kept them for as long as it waits."""


class SchemaTooNew(ProjectionError):  # noqa: N818
    """The tables are of a newer release than this one."""
