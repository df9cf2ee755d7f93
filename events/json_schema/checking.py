"""Schemas ready for use, each judged once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from runfold.events.json_schema.applying import APPLYING, UNEVALUATED
from runfold.events.json_schema.asserting import ASSERTING
from runfold.events.json_schema.bounds import (
    MAX_DEPTH,
    MAX_STEPS,
    SchemaRefusedError,
    UncheckableError,
)
from runfold.events.json_schema.evaluation import Evaluation, Fault, Rule
from runfold.events.json_schema.judging import problems_of
from runfold.events.json_schema.values import depth_of

_RULES: dict[str, Rule] = {**ASSERTING, **APPLYING, **UNEVALUATED}


class Check:
    """A schema that is fit for use."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        """Take a schema; raises SchemaRefusedError for one that is not."""
        if problems := problems_of(schema):
            where = "".join(f"/{part}" for part in problems[0].path) or "/"
            raise SchemaRefusedError(f"the schema cannot be used: at {where}: {problems[0].text}")
        self._schema = schema

    def faults(
        self, value: Any, *, steps: int = MAX_STEPS, formats: bool = True
    ) -> tuple[Fault, ...]:
        """Return what does not fit; raises UncheckableError where ``steps`` are not enough."""
        if depth_of(value) > MAX_DEPTH:
            raise UncheckableError(f"they are nested deeper than {MAX_DEPTH} levels")
        evaluation = Evaluation(self._schema, _RULES, steps, formats=formats)
        return tuple(evaluation.of(self._schema, value, ()).faults)


class _Same:
    """A schema by identity, so that it can be remembered without being read."""

    __slots__ = ("schema",)

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = schema

    def __hash__(self) -> int:
        return id(self.schema)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.schema is self.schema


@lru_cache(maxsize=256)
def _compiled(same: _Same) -> Check:
    return Check(same.schema)


def compiled(schema: Mapping[str, Any]) -> Check:
    """Return the check of a schema, remembered; raises SchemaRefusedError for an unfit one."""
    return _compiled(_Same(schema))
