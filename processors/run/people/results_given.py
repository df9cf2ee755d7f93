"""Whether a result that a person gives can stand in the place of a tool's own."""

from __future__ import annotations

from runfold.events.contents.content import JSON, Content
from runfold.events.definitions import ToolContract
from runfold.events.json_schema import UncheckableError, compiled, parsed
from runfold.events.json_schema.bounds import MAX_RESULT_STEPS
from runfold.processors.run.behaviour import BY_PERSON
from runfold.processors.run.draft import Draft


def fault_of(draft: Draft, contract: ToolContract, result: Content, *, failed: bool) -> str:
    """Return why a result is not taken, in words for people; empty where it is.

    From behaviour 8 on it fits the contract as the tool's own has to; what ``failed`` says why.
    """
    if result.inline is None or result.media_type != JSON:
        return "it is not JSON"
    try:
        value = parsed(result.inline)
        if draft.behaviour < BY_PERSON or failed or contract.output_schema is None:
            return ""
        check = compiled(contract.output_schema)
        faults = check.faults(value, steps=MAX_RESULT_STEPS, formats=False)
    except UncheckableError as problem:
        return str(problem)
    return f"it does not fit {contract.name}: {faults[0].place} {faults[0].text}" if faults else ""
