"""YAML that people write, read as JSON would be, with the line of every value."""

from runfold.infra.documents.document import Document, FieldPath, Remark, dotted
from runfold.infra.documents.reader import MAX_FILE_BYTES, documents, single

__all__ = [
    "MAX_FILE_BYTES",
    "Document",
    "FieldPath",
    "Remark",
    "documents",
    "dotted",
    "single",
]
