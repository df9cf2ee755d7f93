"""Whether a call's arguments are within what a person approved: bounded, exact, and pure.

There are no patterns of texts: an argument is one of some values, or a number within bounds.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

from runfold.events.contents.content import Content, canonical_json
from runfold.events.json_schema import UncheckableError, parsed
from runfold.events.people.approvals import MOST_USES, ArgumentBound, Holds, HoldsFor

MOST_BOUNDS = 16
MOST_VALUES = 64
MOST_CHARS = 1_000
"""The characters of one value."""
MOST_DIGITS = 40
"""The characters of a number that bounds others."""

_NOTHING = object()
_DIGITS = frozenset("0123456789")


def fault_of(holds: Holds) -> str | None:
    """Return what is wrong with what an approval shall hold for, in words; None if nothing is."""
    if holds.scope is HoldsFor.UNKNOWN:
        return "an approval holds for once, run, tool or pattern"
    if not 1 <= holds.times <= MOST_USES:
        return f"an approval holds for 1 to {MOST_USES} calls, not {holds.times}"
    if holds.scope is not HoldsFor.PATTERN:
        return "only a pattern bounds arguments" if holds.where else None
    if not 1 <= len(holds.where) <= MOST_BOUNDS:
        return f"a pattern bounds 1 to {MOST_BOUNDS} arguments, not {len(holds.where)}"
    return next((why for each in holds.where if (why := _bound_fault(each))), None)


def within(where: Iterable[ArgumentBound], arguments: Content) -> bool:
    """Whether every bound holds for a call's arguments; not where they cannot be looked at."""
    if arguments.inline is None:
        return False
    try:
        value = parsed(arguments.inline)
    except UncheckableError:
        return False
    return all(_holds(each, _at(each.pointer, value)) for each in where)


def number(text: str | None) -> Decimal | None:
    """Return a plain decimal number such as ``-12.50``; None for anything else."""
    if text is None or not 1 <= len(text) <= MOST_DIGITS:
        return None
    whole, _, rest = text.removeprefix("-").partition(".")
    plain = whole + rest if "." in text else whole
    if not whole or not plain or not _DIGITS.issuperset(plain) or text.endswith("."):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _bound_fault(bound: ArgumentBound) -> str | None:
    what = f"the bound of {bound.pointer}"
    if not bound.pointer.startswith("/"):
        return f"{bound.pointer!r} is not a JSON pointer: it begins with /, as in /amount"
    numeric = bound.at_least is not None or bound.at_most is not None
    if numeric == bool(bound.one_of):
        return f"{what} says either values or a number, and one of both"
    if len(bound.one_of) > MOST_VALUES or any(len(each) > MOST_CHARS for each in bound.one_of):
        return f"{what} has more than {MOST_VALUES} values, or one of over {MOST_CHARS} characters"
    if any(_canonical(each) is None for each in bound.one_of):
        return f"{what} has a value that is not JSON"
    for each in (bound.at_least, bound.at_most):
        if each is not None and number(each) is None:
            return f"{what}: {each[:MOST_DIGITS]!r} is no decimal number"
    return None


def _holds(bound: ArgumentBound, value: Any) -> bool:
    if value is _NOTHING:
        return False
    if bound.one_of:
        said = canonical_json(value)
        return any(_canonical(each) == said for each in bound.one_of)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    given, least, most = Decimal(repr(value)), number(bound.at_least), number(bound.at_most)
    if least is None and most is not None and most >= 0:
        least = Decimal(0)
    return (least is None or given >= least) and (most is None or given <= most)


def _canonical(text: str) -> str | None:
    try:
        return canonical_json(parsed(text.encode()))
    except (UncheckableError, UnicodeEncodeError):
        return None


def _at(pointer: str, value: Any) -> Any:
    """Return what a JSON pointer leads to, ``_NOTHING`` where it leads nowhere."""
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and _is_index(name) and int(name) < len(value):
            value = value[int(name)]
        else:
            return _NOTHING
    return value


def _is_index(name: str) -> bool:
    return 0 < len(name) <= 9 and _DIGITS.issuperset(name) and (name == "0" or name[0] != "0")
