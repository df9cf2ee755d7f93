"""What the contracts of the built-in tools have in common."""

from __future__ import annotations

from typing import Any

from runfold.events.definitions import RetryPolicy, ToolContract
from runfold.events.values import Placement

VERSION = "1.0.0"


def contract(name: str, description: str, arguments: dict[str, Any], **more: Any) -> ToolContract:
    """Return a built-in tool's contract: a pure read in the run processor unless ``more`` says.

    ``arguments`` maps each name to its JSON Schema; those without a default are required.
    """
    told: dict[str, Any] = {
        "risk_level": 0,
        "idempotent": True,
        "timeout_ms": 30_000,
        "retry": RetryPolicy(max_attempts=2),
        "placement": Placement.LOCAL,
        "owner": "runfold",
        **more,
    }
    return ToolContract(
        name=name,
        version=VERSION,
        description=description,
        input_schema={
            "type": "object",
            "properties": arguments,
            "required": [key for key, schema in arguments.items() if "default" not in schema],
            "additionalProperties": False,
        },
        implementation=f"builtin:{name}",
        **told,
    )


def text(description: str, **more: Any) -> dict[str, Any]:
    """Return the schema of a text argument."""
    return {"type": "string", "description": description, **more}


def number(description: str, least: int, most: int, default: int | None) -> dict[str, Any]:
    """Return the schema of a whole number; ``default`` None leaves it out."""
    kind: Any = "integer" if default is not None else ["integer", "null"]
    return {
        "type": kind,
        "description": description,
        "minimum": least,
        "maximum": most,
        "default": default,
    }


def flag(description: str, *, default: bool) -> dict[str, Any]:
    """Return the schema of a yes or no."""
    return {"type": "boolean", "description": description, "default": default}


PATH = text("Path of the file, relative to the root folder", minLength=1, maxLength=1000)
