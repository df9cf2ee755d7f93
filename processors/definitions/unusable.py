"""Definitions that nothing could evaluate or run are not published, whoever offers them."""

from __future__ import annotations

from runfold.events.definitions import Definition, ToolContract
from runfold.events.json_schema import problems_of
from runfold.processors.tool.python.names import refusal_of


def unusable(definition: Definition) -> str:
    """Return why a definition cannot be used, as a sentence, or an empty text."""
    if not isinstance(definition, ToolContract):
        return ""
    if never := refusal_of(definition.implementation):
        return f"implementation: {never}"
    if definition.contradicts:
        return "approval: at level 4 a person is always asked, so it cannot be never"
    for field in ("input_schema", "output_schema"):
        schema = getattr(definition, field)
        if schema is not None and (problems := problems_of(schema)):
            where = "/".join((field, *map(str, problems[0].path)))
            return f"{where} cannot be used: {problems[0].text}"
    return ""
