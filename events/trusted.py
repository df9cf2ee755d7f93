"""Records made without validation, by makers compiled from the classes.

For each class the source of one function is generated and compiled once. It takes the class's
fields by name, with their defaults; no validator stands between.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, ParamSpec, TypeVar

from pydantic import BaseModel

from runfold.events.base import Record

P = ParamSpec("P")
R = TypeVar("R", bound=Record)


def trusted(record: Callable[P, R]) -> Callable[P, R]:
    """Return what makes records of a class from values that are known to be right.

    Names are checked, values are not: texts and numbers must be of the field's type, amounts at the
    wire's scale, moments in UTC. It raises TypeError where a field is missing or unknown.
    """
    made: Callable[P, R] = _maker_of(record)
    return made


@cache
def _maker_of(record: Any) -> Any:
    fields = record.model_fields
    # With the underscore that no field may begin with, so that none hides them.
    scope: dict[str, Any] = {
        "_new": object.__new__,
        "_cls": record,
        "_names": set(fields),
        "_put": BaseModel.__dict__["__dict__"].__set__,
        "_put_names": BaseModel.__dict__["__pydantic_fields_set__"].__set__,
        "_put_extra": BaseModel.__dict__["__pydantic_extra__"].__set__,
        "_put_private": BaseModel.__dict__["__pydantic_private__"].__set__,
        "_default": {name: field.default for name, field in fields.items()},
    }
    takes = [
        name if field.is_required() else f"{name}=_default[{name!r}]"
        for name, field in fields.items()
    ]
    lines = [
        f"def make({', '.join(['*', *takes] if takes else [])}):",
        "_made = _new(_cls)",
        f"_put(_made, {{{', '.join(f'{name!r}: {name}' for name in fields)}}})",
        "_put_names(_made, _names)",
        "_put_extra(_made, None)",
        "_put_private(_made, None)",
        "return _made",
    ]
    exec(compile("\n ".join(lines), f"<maker of {record.__name__}>", "exec"), scope)  # noqa: S102
    return scope["make"]
