"""A task, folded from the events of its run: the same at every gateway."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from a2a.types.a2a_pb2 import Artifact, Message, Part, Role, Task, TaskState, TaskStatus
from google.protobuf.timestamp_pb2 import Timestamp

from runfold.events import run as j
from runfold.events.contents.content import Content
from runfold.surfaces.a2a.messages.parts import data_part, parts_saying, struct_of, text_part
from runfold.surfaces.a2a.tasks.states import TERMINAL, state_of
from runfold.surfaces.application import shapes
from runfold.surfaces.application.rendering import jsonable
from runfold.surfaces.application.runs.reading.run_detail import RunFold
from runfold.surfaces.words import said

MOST_HISTORY = 200
"""How many messages of a task are shown, the newest of them."""

RESULT = "result"


Address = Callable[[str, str], str]
"""Where the bytes of an artifact are served, by its task's id and its own."""


class TaskFold:
    """Takes a run's events one by one, from the first, and says what its task looks like.

    ``held`` are the contents that lie in the artifact store, by the ids of artifacts.
    """

    def __init__(self, address: Address | None = None) -> None:
        self._address = address
        self.held: dict[str, Content] = {}
        self._run = RunFold()
        self._history: list[Message] = []
        self._artifacts: list[Artifact] = []
        self._thread: str | None = None

    @property
    def seq(self) -> int:
        """The number of the last event that was taken."""
        last = self._run.last
        return last.meta.seq if last else 0

    @property
    def detail(self) -> shapes.RunDetail:
        """Where the run stands; there is at least one event."""
        found = self._run.detail()
        assert found is not None
        return found

    def take(self, event: j.Event) -> tuple[Artifact, ...]:
        """Advance to the next event, and return the artifacts that it brought."""
        self._run.take(event)
        if isinstance(event.fact, j.RunCreated | j.RunRefused):
            self._thread = event.fact.request.thread_id
        self._remember(event)
        new = tuple(self._artifacts_of(event))
        self._artifacts.extend(new)
        return new

    def task(self, history: int | None = None) -> Task:
        """Return the task with its newest messages: all that are shown where it is not said."""
        found = self.detail
        task = Task(
            id=found.run_id,
            context_id=self._thread or found.run_id,
            status=self.status(found),
            artifacts=self._artifacts,
            metadata=struct_of(metadata_of(found)),
        )
        most = MOST_HISTORY if history is None else min(history, MOST_HISTORY)
        task.history.extend(self._history[-most:] if most else ())
        return task

    def status(self, found: shapes.RunDetail | None = None) -> TaskStatus:
        """Return where the task stands, with what it asks or how it ended."""
        found = found or self.detail
        status = TaskStatus(state=state_of(found), timestamp=moment(found.updated_at))
        parts = _status_parts(found)
        if parts:
            message_id = f"{found.run_id}.{found.seq}.status"
            said_so = _message(found.run_id, self.context_id, Role.ROLE_AGENT, parts, message_id)
            status.message.CopyFrom(said_so)
        return status

    @property
    def context_id(self) -> str:
        """The conversation that the task is of: the run's thread, or the run alone."""
        last = self._run.last
        return self._thread or (last.meta.run_id if last else "")

    def _remember(self, event: j.Event) -> None:
        match event.fact:
            case j.UserMessageReceived(content=content) | j.HumanInputReceived(content=content):
                role, parts = Role.ROLE_USER, parts_saying(content)
            case j.HumanInputRequested(question=question):
                role, parts = Role.ROLE_AGENT, parts_saying(question)
            case j.ModelResponded(answer=answer) if answer.text is not None:
                role, parts = Role.ROLE_AGENT, parts_saying(answer.text)
            case j.ApprovalRequested():
                role, parts = Role.ROLE_AGENT, [text_part(said(event.fact))]
            case _:
                return
        run_id = event.meta.run_id
        message_id = f"{run_id}.{event.meta.seq}"
        self._history.append(_message(run_id, self.context_id, role, parts, message_id))
        del self._history[:-MOST_HISTORY]

    def _artifacts_of(self, event: j.Event) -> list[Artifact]:
        match event.fact:
            case j.ToolCallSucceeded(result=result, call_id=call_id, tool=tool) if result.ref:
                self.held[call_id] = result
                url = self._address(event.meta.run_id, call_id) if self._address else ""
                return [_kept(result, call_id, tool, url)]
            case j.RunCompleted():
                return [_result(self.detail)]
            case _:
                return []


def submitted(found: shapes.RunDetail, thread_id: str | None) -> Task:
    """Return the task of a run that has only been asked for."""
    return Task(
        id=found.run_id,
        context_id=thread_id or found.run_id,
        status=TaskStatus(state=TaskState.TASK_STATE_SUBMITTED, timestamp=moment(found.created_at)),
        metadata=struct_of(metadata_of(found)),
    )


def begun(task_id: str, thread_id: str) -> Task:
    """Return a task of which nothing is shown but that it was asked for."""
    status = TaskStatus(state=TaskState.TASK_STATE_SUBMITTED)
    return Task(id=task_id, context_id=thread_id or task_id, status=status)


def metadata_of(found: shapes.RunDetail) -> dict[str, object]:
    """Return what a task says beside the protocol: which event it holds to, and what was used."""
    said_too: dict[str, object] = {"seq": found.seq, "status": found.status.value}
    if found.exit is not None:
        said_too["exit_status"] = found.exit.status
        said_too["exit_code"] = found.exit.exit_code
        said_too["usage"] = jsonable(found.exit.usage)
    return {"runfold": said_too}


def moment(at: datetime) -> Timestamp:
    """Return a moment as protobuf has it."""
    made = Timestamp()
    made.FromDatetime(at)
    return made


def _status_parts(found: shapes.RunDetail) -> list[Part]:
    """Return what a status says in words, and what is shown to whoever must decide."""
    state = state_of(found)
    if state == TaskState.TASK_STATE_INPUT_REQUIRED:
        words = "\n".join(wait.question for wait in found.waits_for)
        return [
            text_part(words),
            data_part({"waits_for": [jsonable(wait) for wait in found.waits_for]}),
        ]
    if state in TERMINAL and state != TaskState.TASK_STATE_COMPLETED:
        return [text_part(found.last_action)]
    return []


def _message(
    task_id: str, context_id: str, role: Role, parts: list[Part], message_id: str
) -> Message:
    return Message(
        message_id=message_id, task_id=task_id, context_id=context_id, role=role, parts=parts
    )


def _kept(result: Content, call_id: str, tool: str, url: str) -> Artifact:
    """Return what lies in the artifact store, by where it is served or by its name alone."""
    named = {
        "artifact": result.ref,
        "media_type": result.media_type,
        "size": result.size,
        "sha256": result.digest.hex(),
    }
    part = Part(url=url, media_type=result.media_type) if url else data_part(named)
    metadata = struct_of({"runfold": named})
    return Artifact(artifact_id=call_id, name=tool, parts=[part], metadata=metadata)


def _result(found: shapes.RunDetail) -> Artifact:
    assert found.exit is not None
    payload = found.exit.payload
    parts = []
    summary = payload.get("summary") if isinstance(payload, dict) else payload
    if isinstance(summary, str) and summary:
        parts.append(text_part(summary))
    if not isinstance(payload, str):
        parts.append(data_part(payload))
    return Artifact(artifact_id=RESULT, name=RESULT, parts=parts)
