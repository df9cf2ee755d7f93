"""Why a peer is not measured."""


class NotMeasuredError(Exception):
    """A system cannot be installed, started or made to end its runs; the text is for the table."""
