"""What can go wrong with a projection, by what its caller has to do.

ProjectionError
├── Fenced         stop: another projector has taken these partitions
├── FoldError      isolate: a view cannot take an event; a bug in the view or in the event
├── NotCaughtUp    retry: the view has not reached that place of the log in the time given
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


class SchemaTooNew(ProjectionError):  # noqa: N818
    """The tables are of a newer release than this one."""
