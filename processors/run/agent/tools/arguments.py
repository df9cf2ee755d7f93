"""Whether arguments fit a contract, as a decision says it: the same on every machine, for good.

Behaviour 4 and later use the evaluator of ``events.json_schema``, whose bounds are counted in
steps, and say of whatever cannot be decided that it cannot be checked. Earlier behaviours keep the
verdicts that are on record, fetch nothing either, and match patterns within bounds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import jsonschema
from referencing import Registry

from runfold.events.contents.content import Content
from runfold.events.definitions import ToolContract
from runfold.events.json_schema import UncheckableError, compiled, parsed
from runfold.processors.run.agent.tools import old_patterns
from runfold.processors.run.draft import Draft
from runfold.processors.run.wording import for_model

COUNTED = 4
"""The behaviour from which evaluation is bounded."""


def arguments_fault(draft: Draft, contract: ToolContract, arguments: Content) -> str | None:
    """Return why arguments do not fit the contract, or None if they do or lie elsewhere."""
    if arguments.inline is None:
        return None
    if draft.behaviour < COUNTED:
        return _as_recorded(draft, contract, arguments.inline)
    return schema_fault(draft.behaviour, contract.name, contract.input_schema, arguments.inline)


def schema_fault(
    behaviour: int, tool: str, schema: Mapping[str, Any], arguments: bytes
) -> str | None:
    """Return why arguments do not fit a schema, in words for the model; it never raises."""
    try:
        faults = compiled(schema).faults(parsed(arguments))
    except UncheckableError as reason:
        return for_model(behaviour, "cannot_be_checked", tool=tool, problem=str(reason))
    except Exception:  # noqa: BLE001 - a decision has an outcome, whatever the schema does
        problem = "the schema cannot be evaluated"
        return for_model(behaviour, "cannot_be_checked", tool=tool, problem=problem)
    if not faults:
        return None
    first = faults[0]
    return for_model(behaviour, "do_not_fit", tool=tool, place=first.place, problem=first.text)


def _as_recorded(draft: Draft, contract: ToolContract, arguments: bytes) -> str | None:
    try:
        value = json.loads(arguments)
        # Empty and closed: what a schema refers to elsewhere is never fetched.
        validator = old_patterns.VALIDATOR(contract.input_schema, registry=Registry())
        old_patterns.check_names(contract.input_schema, value)
        error = jsonschema.exceptions.best_match(validator.iter_errors(value))
    except (ValueError, jsonschema.SchemaError) as problem:
        return draft.model("cannot_be_checked", tool=contract.name, problem=str(problem))
    if error is None:
        return None
    return draft.model(
        "do_not_fit", tool=contract.name, place=error.json_path, problem=error.message
    )
