"""What a run has called, from the views."""

from __future__ import annotations

from typing import TypeVar

from runfold.projections import queries
from runfold.projections.queries import Views
from runfold.projections.queries.scope import Row
from runfold.surfaces.application import shapes
from runfold.surfaces.application.errors import no_run

S = TypeVar("S", bound=shapes.Shape)

_TOOL_CALL = {
    "call_id": "tool_call_id",
    "tool": "tool_name",
    "arguments": "arguments_json",
    "result": "result_json",
    "error": "error_json",
}
_MODEL_CALL = {"call_id": "model_call_id", "error": "error_json"}


def calls(views: Views, run_id: str) -> shapes.RunCalls:
    """Return a run's calls as far as the views have them; raises NotFoundError."""
    if queries.run(views, run_id) is None:
        raise no_run(run_id)
    models, tools = queries.calls(views, run_id)
    return shapes.RunCalls(
        run_id=run_id,
        model_calls=tuple(_read(shapes.ModelCall, row, _MODEL_CALL) for row in models),
        tool_calls=tuple(_read(shapes.ToolCall, row, _TOOL_CALL) for row in tools),
    )


def _read(kind: type[S], row: Row, names: dict[str, str]) -> S:
    return kind(**{field: row[names.get(field, field)] for field in kind.model_fields})
