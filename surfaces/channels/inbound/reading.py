"""From texts that people type and actions that they press to what is meant."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from runfold.surfaces.channels.actions import ANSWER, APPROVE, action_of
from runfold.surfaces.channels.inbound.intents import (
    Ask,
    Decide,
    Intent,
    Look,
    Reply,
    Tell,
    Unclear,
)

HELP = (
    "Say what is to be done, or: `status RUN`, `approve RUN.N DIGEST`, `deny RUN.N DIGEST why`, "
    "`answer RUN.N DIGEST text`, `tell RUN text`, `ask AGENT goal`."
)
NO_ACTION = Unclear("This is no action of a run: ask for its status and use what is shown there.")

_ID = r"(?:run_)?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
_CALL = re.compile(rf"{_ID}\.(\d{{1,9}})", re.IGNORECASE)
_RUN = re.compile(_ID, re.IGNORECASE)
_DIGEST = re.compile(r"[0-9a-f]{8,64}", re.IGNORECASE)
_AGENT = re.compile(r"[a-z0-9][-a-z0-9._]{0,99}(?:@[0-9.]{1,40})?")
_LONGEST = 100_000


def pressed(text: str, reason: str = "") -> Intent:
    """Return what an action means."""
    action = action_of(text)
    if action is None:
        return NO_ACTION
    if action.kind == ANSWER:
        return Reply(action.run_id, action.call_id, action.digest, reason, action.option)
    approves = action.kind == APPROVE
    return Decide(action.run_id, action.call_id, action.digest, approves, reason)


def typed(text: str) -> Intent:
    """Return what a typed command means; what is no command is a goal."""
    text = text.strip()[:_LONGEST]
    if not text:
        return Unclear(HELP)
    verb, _, rest = text.partition(" ")
    known = _VERBS.get(verb.lower())
    return known(rest) if known else Ask(text)


def _status(rest: str) -> Intent:
    found = _RUN.fullmatch(rest.strip())
    return Look(found[1].lower()) if found else Unclear("Say which: `status RUN`.")


def _tell(rest: str) -> Intent:
    run, _, said = rest.strip().partition(" ")
    found = _RUN.fullmatch(run)
    if found is None or not said.strip():
        return Unclear("Say to which, and what: `tell RUN text`.")
    return Tell(found[1].lower(), said.strip())


def _ask(rest: str) -> Intent:
    agent, _, goal = rest.strip().partition(" ")
    if not _AGENT.fullmatch(agent) or not goal.strip():
        return Unclear("Say whom, and what: `ask AGENT goal`.")
    return Ask(goal.strip(), agent)


def _decided(verb: str, rest: str) -> Intent:
    parts = rest.split(None, 2)
    call = _CALL.fullmatch(parts[0]) if parts else None
    if call is None or len(parts) < 2 or not _DIGEST.fullmatch(parts[1]):
        return Unclear(
            f"Say what was shown: `{verb} RUN.N DIGEST`, as it stands there. Nothing was decided."
        )
    run_id, digest = call[1].lower(), parts[1].lower()
    call_id, said = f"{run_id}.{int(call[2])}", parts[2].strip() if len(parts) > 2 else ""
    if verb != "answer":
        return Decide(run_id, call_id, digest, verb == "approve", said)
    if not said:
        return Unclear("Say what the answer is: `answer RUN.N DIGEST text`.")
    return Reply(run_id, call_id, digest, said)


_VERBS: dict[str, Callable[[str], Intent]] = {
    "help": lambda _rest: Unclear(HELP),
    "status": _status,
    "approve": partial(_decided, "approve"),
    "deny": partial(_decided, "deny"),
    "answer": partial(_decided, "answer"),
    "tell": _tell,
    "ask": _ask,
}


def json_object(body: bytes) -> dict[str, Any] | None:
    """Return the object that a body holds as JSON, None where it holds none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def word(found: Any, *path: str) -> str:
    """Return a text at a path of objects, empty where there is none."""
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, str) else ""
