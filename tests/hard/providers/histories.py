"""Histories that a vendor would refuse as they are."""

from __future__ import annotations

from runfold.events.calls import Message
from runfold.events.contents.content import text
from runfold.events.values import ProposedCall
from tests.model.given import assistant, proposed, result, user


def kimi(place: int) -> str:
    return f"functions.files__read:{place}"


LONG_ID = "call_" + "x" * 60
CUT = ProposedCall(id="c9", name="files.read", arguments=text('{"pa'), problem="cut off")

HISTORIES: dict[str, tuple[Message, ...]] = {
    "ids of another vendor": (
        user("go"),
        assistant(None, proposed(kimi(0), "files.read", {}), proposed(LONG_ID, "files.read", {})),
        result(kimi(0), 1),
        result(LONG_ID, 2),
    ),
    "the same id in every answer": (
        user("go"),
        assistant(None, proposed("call_0", "files.read", {})),
        result("call_0", 1),
        assistant(None, proposed("call_0", "files.read", {})),
        result("call_0", 2),
    ),
    "the same id twice in an answer": (
        user("go"),
        assistant(None, proposed("c", "files.read", {}), proposed("c", "files.read", {})),
        result("c", 1),
        result("c", 2),
    ),
    "an empty answer": (user("go"), assistant(None), user("Call a tool.")),
    "a blank answer": (user("go"), assistant("  \n"), user("Call a tool.")),
    "blank words of a person": (user("  "), assistant("x"), user("")),
    "two answers in a row": (user("go"), assistant("a"), assistant("b"), user("on")),
    "an answer first": (assistant("a"), user("on")),
    "a result too many": (user("go"), assistant("a"), result("gone", 1), user("on")),
    "a result too few": (
        user("go"),
        assistant("a", proposed("c1", "files.read", {}), proposed("c2", "files.read", {})),
        result("c2", 1),
    ),
    "no results at all": (user("go"), assistant("a", proposed("c1", "files.read", {}))),
    "no results, and an answer": (
        user("go"),
        assistant("a", proposed("c1", "files.read", {})),
        assistant("b"),
        user("on"),
    ),
    "results in another order": (
        user("go"),
        assistant("a", proposed("c1", "files.read", {}), proposed("c2", "files.read", {})),
        user("hurry"),
        result("c2", 2),
        result("c1", 1),
    ),
    "a call that was cut off": (user("go"), assistant(None, CUT), result("c9", "bad")),
    "a tool without a name": (
        user("go"),
        assistant(None, proposed("c", "", {})),
        result("c", "no such tool"),
    ),
}
