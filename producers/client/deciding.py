"""What decisions of people carry: what they were shown, and for what else they hold."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

from runfold.events import run as j
from runfold.events.contents.content import canonical_json
from runfold.events.people.approvals import MOST_USES, ArgumentBound, Holds, HoldsFor
from runfold.events.run import Event
from runfold.producers.errors import RefusedError

SCOPES = tuple(each.value for each in HoldsFor if each is not HoldsFor.UNKNOWN)
"""For what an approval can hold: once, run, tool, pattern."""

SHORTEST = 8
"""How many hexadecimal digits of a digest name it."""

_BOUND = re.compile(r"^(/[^<>=]*?)\s*(<=|>=|=|\sin\s)\s*(.+)$", re.DOTALL)


def shown_in(events: Iterable[Event]) -> dict[str, bytes]:
    """Return the digest of what is shown of each call and question of a run, by its id."""
    found: dict[str, bytes] = {}
    for event in events:
        match event.fact:
            case j.ApprovalRequested(call_id=asked, shown_digest=bytes(digest)):
                found[asked] = digest
            case j.HumanInputRequested(question_id=asked, shown_digest=bytes(digest)):
                found[asked] = digest
            case _:
                pass
    return found


def digest_of(said: str | None, open_now: bytes | None, call_id: str) -> bytes | None:
    """Return the digest that a decision carries: what is open now, unless one was shown.

    ``said`` is in hexadecimal, whole or its beginning. Raises RefusedError for what is no digest,
    and for the beginning of another than is open.
    """
    if said is None:
        return open_now
    text = said.strip().lower()
    if len(text) < SHORTEST or not re.fullmatch("[0-9a-f]{1,64}", text):
        raise RefusedError(
            f"{said!r} is no digest: give the one that `runfold approvals` shows, or its first "
            f"{SHORTEST} digits."
        )
    if len(text) == 64:
        # The run itself judges it, on record.
        return bytes.fromhex(text)
    if open_now is None or not open_now.hex().startswith(text):
        raise RefusedError(
            f"{call_id} is not what was shown: look at it again (`runfold approvals`), and decide "
            "then."
        )
    return open_now


def holds_of(scope: str, where: Sequence[str] = (), times: int | None = None) -> Holds | None:
    """Return for what an approval holds, None for its call alone.

    A bound of ``where`` is ``/amount<=100``, ``/amount>=0``, ``/to="bob"`` or
    ``/currency in ["EUR","USD"]``. Raises RefusedError for what it cannot hold for.
    """
    if scope not in SCOPES:
        raise RefusedError(f"An approval holds for {', '.join(SCOPES)}, not for {scope!r}.")
    if scope == HoldsFor.ONCE:
        if where or times is not None:
            raise RefusedError("An approval that holds once has no --where and no --times.")
        return None
    if (scope == HoldsFor.PATTERN) != bool(where):
        raise RefusedError("A pattern, and nothing else, needs a bound such as /amount<=100.")
    if times is not None and not 1 <= times <= MOST_USES:
        raise RefusedError(f"An approval holds for 1 to {MOST_USES} calls, not for {times}.")
    found: dict[str, ArgumentBound] = {}
    for text in where:
        bound = bound_of(text)
        before = found.get(bound.pointer)
        found[bound.pointer] = bound if before is None else _joined(before, bound)
    given = {} if times is None else {"times": times}
    return Holds(scope=HoldsFor(scope), where=tuple(found.values()), **given)


def bound_of(text: str) -> ArgumentBound:
    """Return a bound of one argument; raises RefusedError for what is none."""
    parts = _BOUND.match(text.strip())
    if parts is None:
        raise RefusedError(
            f'{text!r} is no bound: write /amount<=100, /amount>=0, /to="bob" or '
            '/currency in ["EUR","USD"], with the JSON pointer of an argument.'
        )
    pointer, how, value = parts[1], parts[2].strip(), parts[3].strip()
    match how:
        case "<=":
            return ArgumentBound(pointer=pointer, at_most=value)
        case ">=":
            return ArgumentBound(pointer=pointer, at_least=value)
        case "in":
            values = _json(value)
            if not isinstance(values, list) or not values:
                raise RefusedError(f"{text!r}: after `in` comes a list in JSON, not {value}.")
            return ArgumentBound(pointer=pointer, one_of=tuple(canonical_json(v) for v in values))
        case _:
            return ArgumentBound(pointer=pointer, one_of=(canonical_json(_json(value)),))


def as_text(bound: ArgumentBound) -> str:
    """Return a bound as it is typed."""
    if len(bound.one_of) == 1:
        return f"{bound.pointer}={bound.one_of[0]}"
    if bound.one_of:
        return f"{bound.pointer} in [{','.join(bound.one_of)}]"
    parts = ((">=", bound.at_least), ("<=", bound.at_most))
    return " and ".join(f"{bound.pointer}{how}{value}" for how, value in parts if value is not None)


def _joined(first: ArgumentBound, second: ArgumentBound) -> ArgumentBound:
    """Return two bounds of one argument as one; raises RefusedError where they contradict."""
    said = {**first.model_dump(exclude_defaults=True), **second.model_dump(exclude_defaults=True)}
    if first.one_of or second.one_of or len(said) != 3:
        raise RefusedError(f"{first.pointer} is bounded twice: say it once.")
    return ArgumentBound(**said)


def _json(text: str) -> object:
    """Return a JSON value; a bare word is a text."""
    try:
        value = json.loads(text)
        canonical_json(value)
    except ValueError:
        return text
    return value
