"""What Slack posts: slash commands and buttons, as fields of a form."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from runfold.surfaces.channels.inbound.intents import Heard, Inbound, Sender, Unclear
from runfold.surfaces.channels.inbound.reading import HELP, json_object, pressed, typed, word

_MOST_FIELDS = 50
_LONGEST_ID = 200
_LONGEST_ADDRESS = 500

ANSWERS = "https://hooks.slack.com/"
"""Where Slack takes answers: nothing is ever posted elsewhere."""


def heard(inbound: Inbound) -> Heard:
    """Return what was meant; a body that is none of Slack's is unclear, and of nobody."""
    try:
        fields = parse_qs(
            inbound.body.decode("utf-8"), keep_blank_values=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        return Heard(Unclear(HELP))
    said = {name: values[0] for name, values in fields.items() if len(values) == 1}
    if "payload" in said:
        return _pressed(json_object(said["payload"].encode()))
    if "command" not in said:
        return Heard(Unclear(HELP))
    sender = Sender(
        team=_id(said.get("team_id")),
        user=_id(said.get("user_id")),
        place=_id(said.get("channel_id")),
        once=_id(said.get("trigger_id")),
    )
    return Heard(typed(said.get("text", "")), sender)


def _pressed(payload: dict[str, Any] | None) -> Heard:
    actions = payload.get("actions") if payload else None
    first = actions[0] if isinstance(actions, list) and actions else None
    sender = Sender(
        team=_id(word(payload, "team", "id")),
        user=_id(word(payload, "user", "id")),
        place=_id(word(payload, "channel", "id")),
        thread=_id(word(payload, "container", "thread_ts") or word(payload, "message", "ts")),
        once=_id(word(payload, "trigger_id")),
        answer_to=_address(word(payload, "response_url")),
    )
    if word(payload, "type") != "block_actions" or not word(first, "value"):
        return Heard(Unclear(HELP), sender)
    return Heard(pressed(word(first, "value")), sender)


def _id(text: str | None) -> str:
    """Return an id of Slack's, empty for what can be none."""
    fits = text is not None and len(text) <= _LONGEST_ID and text.isascii() and text.isprintable()
    return text if fits and text is not None else ""


def _address(text: str) -> str:
    """Return where Slack wants a later answer, empty for any place that is not Slack's."""
    fits = len(text) <= _LONGEST_ADDRESS and text.isascii() and text.isprintable()
    return text if fits and text.startswith(ANSWERS) else ""
