"""What tools left in the artifact store, served whole to whoever may see the task."""

from __future__ import annotations

import asyncio
import re
from typing import Final

from a2a.utils.errors import TaskNotFoundError
from starlette.requests import Request
from starlette.responses import Response

from runfold.events.contents.content import Content
from runfold.infra.artifacts.errors import (
    ArtifactError,
    ArtifactMissingError,
    ArtifactsUnavailableError,
)
from runfold.infra.artifacts.port import ArtifactStore
from runfold.surfaces.a2a.calling import CALL, Call
from runfold.surfaces.a2a.tasks.tasks import Tasks, checked
from runfold.surfaces.http.access import identity
from runfold.surfaces.http.access.identity import need_scope
from runfold.surfaces.http.bytes_answer import BytesAnswer
from runfold.surfaces.http.gateway import Gateway
from runfold.surfaces.http.refusals.problems import Problem, problem_of

PATH: Final = "/tasks/{id}/artifacts/{artifact}"
MOST_BYTES: Final = 32 * 1024 * 1024

_MEDIA_TYPE = re.compile(r"[\w.+-]{1,60}/[\w.+-]{1,60}")


class Files:
    """Serves artifacts by their ids in a task; without a store there are none."""

    def __init__(self, gateway: Gateway, tasks: Tasks, store: ArtifactStore | None) -> None:
        self._gateway = gateway
        self._tasks = tasks
        self._store = store

    async def serve(self, request: Request) -> Response:
        """Answer with the bytes; what is wrong is left to HTTP to say."""
        call: Call = request.scope[CALL]
        task_id, artifact_id = request.path_params["id"], request.path_params["artifact"]
        try:
            need_scope(call.caller, identity.READ)
            await self._gateway.note_read(call.caller, "a2a artifact", checked(task_id))
            held = await self._tasks.held(call, task_id, artifact_id)
            data = await asyncio.to_thread(self._bytes, held, call.caller.tenant_id)
            kind = held.media_type if _MEDIA_TYPE.fullmatch(held.media_type) else None
            headers = {"content-disposition": "attachment", "etag": f'"{held.digest.hex()}"'}
            return BytesAnswer(
                data, self._gateway.use, 200, kind or "application/octet-stream", headers
            )
        except TaskNotFoundError:
            call.problem = Problem("not_found", "There is no such task.")
            return Response(status_code=404)
        except Exception as error:  # noqa: BLE001 - a caller is answered, whatever it was
            call.problem = problem_of(error)
            return Response(status_code=500)

    def _bytes(self, held: Content, tenant_id: str) -> bytes:
        if held.size > MOST_BYTES:
            raise Problem(
                "too_large", f"It has {held.size:,} bytes, and {MOST_BYTES:,} are served here."
            )
        try:
            if self._store is None:
                raise ArtifactMissingError
            return self._store.get(held.ref or "", tenant_id)
        except ArtifactMissingError:
            raise Problem("not_found", "The bytes are not there: not here, or no more.") from None
        except ArtifactsUnavailableError:
            raise Problem("unavailable", "The artifact store does not answer.") from None
        except ArtifactError as error:
            raise Problem("storage", str(error)) from error
