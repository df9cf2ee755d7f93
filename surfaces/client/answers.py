"""Answers of a gateway as shapes and errors. What a newer gateway adds is passed over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ValidationError

from runfold.events.expected import first_of
from runfold.surfaces.application import errors, shapes
from runfold.surfaces.application.errors import ApplicationError

S = TypeVar("S", bound=BaseModel)

_LONGEST = 300


class _Number(float):
    """A number of JSON that still knows its digits: amounts of money are read from them."""

    def __new__(cls, digits: str) -> Self:
        made = super().__new__(cls, digits)
        made._digits = digits
        return made

    _digits: str

    def __str__(self) -> str:
        return self._digits


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: its status, the headers that count, its bytes."""

    status: int
    retry_after: str | None
    body: bytes


def value(body: bytes | str) -> Any:
    """Return a JSON value whose numbers keep their digits; raises UnavailableError for no JSON."""
    try:
        return json.loads(body, parse_float=_Number)
    except (ValueError, RecursionError):
        raise errors.UnavailableError(
            "What answered is no gateway of Runfold: it sent no JSON. Check the address."
        ) from None


def shape(kind: type[S], found: Any) -> S:
    """Return a shape; raises UnavailableError where something else stands there."""
    try:
        return kind.model_validate(found, extra="ignore")
    except ValidationError as error:
        raise errors.UnavailableError(
            f"The gateway answered with no {kind.__name__} ({first_of(error)}): it is of a release "
            "that this client does not know."
        ) from None


def outcome(answer: Answer) -> shapes.ControlOutcome:
    """Return what became of a control; raises NoEffectYetError where nothing is on record yet."""
    found = value(answer.body)
    if answer.status == 202:
        sent = shape(shapes.ControlPublished, found)
        raise errors.NoEffectYetError(
            f"It is durable, and nothing of it is on record yet: look for the event of run "
            f"{sent.run_id} with the request_id {sent.request_id}.",
            sent.request_id,
        )
    return shape(shapes.ControlOutcome, found)


def error_of(answer: Answer) -> ApplicationError:
    """Return the error of a refusal; what is no problem of RFC 9457 comes from a proxy."""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("code"), str):
        return _of_a_proxy(answer)
    code, run_id = found["code"], found.get("run_id")
    sentence = str(found.get("detail") or found.get("title") or code)[: _LONGEST * 10]
    made = _made(code, sentence, run_id if isinstance(run_id, str) else None, found)
    made.code = code
    made.run_id = run_id if isinstance(run_id, str) else None
    made.problem = found
    return made


def _made(
    code: str, sentence: str, run_id: str | None, found: Mapping[str, Any]
) -> ApplicationError:
    if code == errors.InDoubtError.code:
        return errors.InDoubtError(sentence, run_id or "")
    if (kind := _KINDS.get(code)) is not None:
        return kind(sentence)
    return errors.RetryError(sentence) if found.get("retryable") else errors.RefusedError(sentence)


_KINDS: dict[str, type[ApplicationError]] = {
    **{
        kind.code: kind
        for kind in (
            errors.InvalidError,
            errors.NotFoundError,
            errors.AmbiguousError,
            errors.RunEndedError,
            errors.OtherRequestError,
            errors.NotYetError,
            errors.UnderWayError,
            errors.UnavailableError,
            errors.ForbiddenError,
        )
    },
    "usage": errors.InvalidError,
    "malformed": errors.InvalidError,
    "too_deep": errors.InvalidError,
    "too_large": errors.InvalidError,
    "unauthenticated": errors.ForbiddenError,
    "other_tenant": errors.ForbiddenError,
    "too_busy": errors.UnavailableError,
    "too_slow": errors.UnavailableError,
}


def _of_a_proxy(answer: Answer) -> ApplicationError:
    if answer.status in {502, 503, 504}:
        return errors.UnavailableError(f"No gateway is behind this address now ({answer.status}).")
    if answer.status in {401, 403}:
        return errors.ForbiddenError(f"Something before the gateway refuses ({answer.status}).")
    return errors.RefusedError(
        f"What answered is no gateway of Runfold ({answer.status}): check the address."
    )
