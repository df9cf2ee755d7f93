"""How much a schema, a pattern and an evaluation may be, and what is raised beyond.

The numbers are part of what a decision says (behaviour 4 and later): a change of one is a change of
behaviour.
"""

from __future__ import annotations

MAX_DEPTH = 64
"""Levels of arrays and objects in a value, and of schemas within schemas."""

MAX_VALUE_BYTES = 1_000_000
"""Length of a JSON text that is evaluated."""

MAX_SCHEMA_NODES = 10_000
"""Schemas within a schema, itself included."""

MAX_UNFOLDED = 1_000
"""Schemas that one place of a value may have to meet, with every reference followed."""

MAX_PATTERNS = 500
"""Patterns of names in a schema, in all places together."""

MAX_PATTERN_CHARS = 2_000
MAX_PATTERN_WEIGHT = 10_000
"""What a pattern weighs: its atoms, each as often as it is repeated."""

MAX_STEPS = 100_000
"""Steps of one evaluation: about one a keyword and value."""

MAX_RESULT_STEPS = 1_000_000
"""The same for a result, which no lane waits for."""

MAX_NESTED_VISITS = 200
"""Schemas that are open at once in an evaluation."""


class UncheckableError(ValueError):
    """A verdict that cannot be reached within the bounds; the text is a clause that says why."""


class SchemaRefusedError(UncheckableError):
    """A schema that is not usable: not JSON Schema, not local, or too costly."""
