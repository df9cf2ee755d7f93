"""The arguments of a call: fetched, held against what was approved, and against the contract."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, cast

from runfold.events.calls import ToolWork
from runfold.events.contents.content import canonical_json
from runfold.events.definitions import ToolContract
from runfold.infra.artifacts.errors import ArtifactError, ArtifactsUnavailableError
from runfold.infra.artifacts.port import ArtifactStore
from runfold.processors.tool.errors import NotYetError, ToolRefusedError
from runfold.processors.tool.python.threads import in_thread
from runfold.processors.tool.schemas import arguments_of, problems_of_arguments


async def arguments_for(
    work: ToolWork, contract: ToolContract, artifacts: ArtifactStore
) -> Mapping[str, Any]:
    """Return a call's arguments; raises ToolRefusedError where they cannot be used, or not yet."""
    said = work.arguments
    try:
        data = said.inline
        if data is None:
            data = await in_thread(artifacts.get, said.ref or "", work.tenant_id)
            if len(data) != said.size or hashlib.sha256(data).digest() != said.digest:
                # Whoever approved them saw the digest.
                raise _invalid("The arguments are not those that their digest and size name.")
        arguments = arguments_of(data)
        canonical_json(arguments).encode()
    except ArtifactsUnavailableError as error:
        why = f"The arguments cannot be fetched: {error}."
        raise NotYetError("artifacts_unavailable", why) from error
    except (ValueError, RecursionError, ArtifactError) as error:
        raise _invalid(f"The arguments are no JSON: {error}") from error
    problems = problems_of_arguments(contract, arguments)
    if not isinstance(arguments, dict):
        problems = ["The arguments must be a JSON object."]
    if problems:
        raise _invalid("; ".join(problems))
    return cast("dict[str, Any]", arguments)


def _invalid(message: str) -> ToolRefusedError:
    return ToolRefusedError(
        message,
        error_type="invalid_arguments",
        suggested_next_action="Correct the arguments and propose the call again.",
    )
