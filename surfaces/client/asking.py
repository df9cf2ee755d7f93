"""What each use of a run asks of a gateway: method, path, body, and when it may be asked again.

No I/O: the blocking client and the one of an event loop send what stands here.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Unpack
from urllib.parse import quote

from runfold.events.contents.content import JSON, Content
from runfold.events.people.approvals import Holds, HoldsFor
from runfold.events.records.commands import Resolution
from runfold.producers.client import Calls, RequestOptions
from runfold.producers.client.deciding import as_text
from runfold.producers.client.messages import goal_of
from runfold.surfaces.application.errors import InvalidError

PAGE = 1_000
"""How many events are asked for at a time."""

_NOT_OVER_HTTP = {
    "attachments": "upload files with POST /artifacts and name them in POST /runs",
    "source": "the gateway says where a request came from",
}


@dataclass(frozen=True, slots=True)
class Ask:
    """A request. ``again`` says that it may be sent again though it may have arrived."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    again: bool = True


def submit(goal: str | Content, agent: str, **options: Unpack[RequestOptions]) -> Ask:
    """Return the request for a run.

    It has a key of its own, or the run's id, so that it leads to one run however often it is sent.
    Raises InvalidError for what the API has no place for.
    """
    given: dict[str, Any] = dict(options)
    for name, instead in _NOT_OVER_HTTP.items():
        if given.pop(name, None):
            raise InvalidError(f"{name} cannot be given over HTTP: {instead}.")
    body: dict[str, Any] = {"goal": said(goal_of(goal)), "agent": agent}
    if labels := given.pop("labels", ()):
        body["labels"] = {label.key: label.value for label in labels}
    if (limits := given.pop("limits", None)) is not None:
        body["limits"] = limits.model_dump(mode="json", exclude_none=True)
    if (deadline := given.pop("deadline", None)) is not None:
        body["deadline"] = deadline.isoformat()
    for name in ("roles", "scopes"):
        if name in given:
            body[name] = list(given.pop(name))
    body |= {name: held for name, held in given.items() if held is not None}
    headers = {} if "run_id" in body else {"idempotency-key": f'"{secrets.token_hex(16)}"'}
    return Ask("POST", "/runs", body, headers)


def run(run_id: str) -> Ask:
    """Return the question where a run stands."""
    return Ask("GET", _path(run_id))


def page(run_id: str, after: int) -> Ask:
    """Return the question for events after one."""
    return Ask("GET", f"{_path(run_id)}/events?after={after}&limit={PAGE}")


def stream(run_id: str, after: int) -> Ask:
    """Return the question for a stream of events after one."""
    headers = {"accept": "text/event-stream", "last-event-id": str(after)}
    return Ask("GET", f"{_path(run_id)}/events", headers=headers)


class Asks:
    """Makes requests for the controls of runs; raises InvalidError for what has no form here."""

    def approve(
        self,
        run_id: str,
        call_id: str,
        arguments: Content | None = None,
        comment: str | None = None,
        *,
        shown: str | None = None,
        holds: Holds | None = None,
        on_behalf_of: str | None = None,
    ) -> Ask:
        """Return the permit of a call."""
        body: dict[str, Any] = {
            "call_id": call_id,
            "comment": comment,
            "shown_digest": shown,
            "on_behalf_of": on_behalf_of,
        }
        if arguments is not None:
            body["arguments"] = said(arguments)
        if holds is not None:
            body["holds_for"] = holds.scope.value
            body["times"] = holds.times
            if holds.scope is HoldsFor.PATTERN:
                body["where"] = list(_bounds(holds))
        return _control(run_id, "approve", body)

    def deny(
        self,
        run_id: str,
        call_id: str,
        reason: str,
        *,
        shown: str | None = None,
        on_behalf_of: str | None = None,
    ) -> Ask:
        """Return the refusal of a call."""
        decided = {"shown_digest": shown, "on_behalf_of": on_behalf_of}
        return _control(run_id, "deny", {"call_id": call_id, "reason": reason, **decided})

    def resolve(
        self,
        run_id: str,
        call_id: str,
        resolution: Resolution,
        result: Content | None = None,
        comment: str | None = None,
    ) -> Ask:
        """Return what was found out about an uncertain call."""
        body = {"call_id": call_id, "resolution": resolution.value, "comment": comment}
        return _control(
            run_id, "resolve", body | ({} if result is None else {"result": said(result)})
        )

    def extend(self, run_id: str, added: Mapping[str, Decimal], reason: str) -> Ask:
        """Return the request to let a run use more."""
        # As texts: a JSON number of many digits would be rounded.
        amounts = {unit: f"{amount:f}" for unit, amount in added.items()}
        return _control(run_id, "extend", {"added": amounts, "reason": reason})

    def tell(self, run_id: str, message: str | Content) -> Ask:
        """Return a message to a run."""
        return _control(run_id, "messages", {"content": said(message)})

    def instruct(self, run_id: str, instructions: str | Content) -> Ask:
        """Return new instructions."""
        return _control(run_id, "instructions", {"instructions": said(instructions)})

    def answer(
        self,
        run_id: str,
        question_id: str,
        text: str | Content,
        *,
        shown: str | None = None,
        on_behalf_of: str | None = None,
    ) -> Ask:
        """Return an answer to what the agent asked."""
        body = {"question_id": question_id, "answer": said(text)}
        decided = {"shown_digest": shown, "on_behalf_of": on_behalf_of}
        return _control(run_id, "answer", {**body, **decided})

    def take_over(self, run_id: str, reason: str, hold_ms: int) -> Ask:
        """Return the request to answer in the model's place."""
        return _control(run_id, "take-over", {"reason": reason, "hold_ms": hold_ms})

    def reply(self, run_id: str, text: str | Content | None, calls: Calls) -> Ask:
        """Return an answer in the model's place."""
        proposed = [{"tool": tool, "arguments": said(arguments)} for tool, arguments in calls]
        return _control(
            run_id, "reply", {"text": None if text is None else said(text), "calls": proposed}
        )

    def give_result(self, run_id: str, call_id: str, result: Content, *, failed: bool) -> Ask:
        """Return a result in a tool's place."""
        return _control(
            run_id, "results", {"call_id": call_id, "result": said(result), "failed": failed}
        )

    def pause(self, run_id: str, reason: str) -> Ask:
        """Return a request to pause."""
        return _control(run_id, "pause", {"reason": reason})

    def resume(self, run_id: str, reason: str) -> Ask:
        """Return a request to go on."""
        return _control(run_id, "resume", {"reason": reason})

    def cancel(self, run_id: str, reason: str) -> Ask:
        """Return a request to end."""
        return _control(run_id, "cancel", {"reason": reason})

    def deny_extension(self, run_id: str, reason: str) -> Ask:
        """Return the answer that a run which waits for more gets none."""
        return _control(run_id, "deny-extension", {"reason": reason})

    def hand_back(self, run_id: str, reason: str) -> Ask:
        """Return a request to let the model answer again."""
        return _control(run_id, "hand-back", {"reason": reason})


ASKS = Asks()


def said(given: str | Content) -> Any:
    """Return a text, or the JSON value of a content; raises InvalidError for other bytes."""
    if isinstance(given, str):
        return given
    if given.inline is None:
        raise InvalidError("A content that is kept elsewhere cannot be sent over HTTP.")
    try:
        text = given.inline.decode()
        return json.loads(text) if given.media_type == JSON else text
    except ValueError:
        raise InvalidError("Only texts and JSON can be sent over HTTP.") from None


def _control(run_id: str, word: str, body: Mapping[str, Any]) -> Ask:
    # Once sent, nobody can tell an answer that was lost from a request that was: said twice, a
    # message would be two.
    return Ask("POST", f"{_path(run_id)}/{word}", body, again=False)


def _path(run_id: str) -> str:
    return f"/runs/{quote(run_id, safe='')}"


def _bounds(holds: Holds) -> Iterator[str]:
    for bound in holds.where:
        if bound.one_of:
            yield as_text(bound)
            continue
        if bound.at_least is not None:
            yield f"{bound.pointer}>={bound.at_least}"
        if bound.at_most is not None:
            yield f"{bound.pointer}<={bound.at_most}"
