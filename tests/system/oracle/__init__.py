"""An independent reader: what must be true of everything that Runfold leaves behind."""

from tests.system.oracle.reading import read_all, read_tables, read_topic
from tests.system.oracle.rules import violations
from tests.system.oracle.seen import Place, Raw, Row, Seen, Tables

__all__ = [
    "Place",
    "Raw",
    "Row",
    "Seen",
    "Tables",
    "read_all",
    "read_tables",
    "read_topic",
    "violations",
]
