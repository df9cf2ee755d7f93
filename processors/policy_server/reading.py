"""What a policy server's answer says; whatever is not clearly an answer is none.

{"result": true}                                   the rule is a boolean
{"result": {"allow": true, "approval": true,       the rule is an object, or a package
            "deny": ["why"], "reason": "why"}}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from runfold.events.calls import ServerAnswer

MOST_BYTES = 64_000
"""The largest answer that is read."""

_LONGEST_REASON = 500
_LONGEST_NAME = 200
_MOST_REASONS = 20


class NoAnswerError(Exception):
    """A server said nothing that can be used; the text says what, as a sentence."""


def answer_of(policy: str, body: bytes) -> ServerAnswer:
    """Return what a body says; raises NoAnswerError for anything that is no clear answer."""
    said = _object(_parsed(body), "The answer")
    if "result" not in said:
        raise NoAnswerError(
            "The answer has no result: the rule is undefined for this input, or its path names "
            "none. Give the rule a default."
        )
    result, names = said["result"], _names(said)
    if isinstance(result, bool):
        return ServerAnswer(
            policy=policy,
            permitted=result,
            decision_id=names.get("decision_id"),
            revision=names.get("revision"),
        )
    given = _object(result, "The result")
    if not isinstance(given.get("allow"), bool):
        raise NoAnswerError("The result has no field allow that is true or false.")
    approval = given.get("approval", False)
    if not isinstance(approval, bool):
        raise NoAnswerError("The field approval of the result is neither true nor false.")
    denied, why = _denials(given.get("deny", False))
    reason = why or _text(given.get("reason", ""), "reason", _LONGEST_REASON)
    # A result that permits and denies at once denies.
    permitted = given["allow"] and not denied
    return ServerAnswer(
        policy=policy,
        permitted=permitted,
        asks_person=approval,
        reason=reason,
        decision_id=names.get("decision_id"),
        revision=names.get("revision"),
    )


def _denials(said: Any) -> tuple[bool, str]:
    if isinstance(said, bool):
        return said, ""
    if isinstance(said, list) and all(isinstance(each, str) for each in said):
        shown = " ".join(each.strip() for each in said[:_MOST_REASONS])
        return bool(said), _text(shown, "deny", _LONGEST_REASON)
    raise NoAnswerError("The field deny of the result is neither true, false nor a list of texts.")


def _names(said: Mapping[str, Any]) -> dict[str, str]:
    """Return how the server names its decision and the bundle that it came from."""
    found = {}
    if "decision_id" in said:
        found["decision_id"] = _text(said["decision_id"], "decision_id", _LONGEST_NAME)
    provenance = said.get("provenance", {})
    revision = provenance.get("revision", "") if isinstance(provenance, dict) else None
    bundles = provenance.get("bundles", {}) if isinstance(provenance, dict) else None
    if revision is None or not isinstance(bundles, dict):
        raise NoAnswerError("The provenance of the answer is not one of OPA.")
    if not revision:
        revisions = (
            f"{name}@{each.get('revision', '')}"
            for name, each in sorted(bundles.items())
            if isinstance(each, dict)
        )
        revision = " ".join(revisions)[:_LONGEST_NAME]
    if revision:
        found["revision"] = _text(revision, "revision", _LONGEST_NAME)
    return found


def _text(value: Any, name: str, most: int) -> str:
    """Return a text as it can be kept: bounded, and without what is no character."""
    if not isinstance(value, str):
        raise NoAnswerError(f"The field {name} of the answer is no text.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise NoAnswerError(f"The field {name} of the answer holds half a character.") from None
    return "".join(each if each.isprintable() else " " for each in value[:most]).strip()


def _object(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise NoAnswerError(f"{what} is neither a JSON object nor a boolean.")
    return value


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body, object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise NoAnswerError("The answer is not JSON, or says something twice.") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; ValueError where a name comes twice, of which readers take either."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice")
    return found


def _no_number(text: str) -> Any:
    raise ValueError(text)
