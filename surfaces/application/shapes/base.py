"""The root of the shapes, the version that they carry, and the types of their fields."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, WithJsonSchema

SHAPE: Final = 2
"""The version of the shapes, carried by each that is an answer of its own."""

Usd = Annotated[Decimal, WithJsonSchema({"type": "number"})]
"""US dollars: an exact decimal here, a JSON number with every digit outward."""

Share = Annotated[Decimal, WithJsonSchema({"type": "number"})]
"""A part of a whole: 1 is all of it."""

Json = Any
"""A JSON value as it was said: a tool's arguments, a result."""


class Shape(BaseModel):
    """The root of the shapes: frozen, and closed to fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
