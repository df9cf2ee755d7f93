"""Reads a pattern of ECMA-262 and writes it for RE2.

Literals are written as code points, classes by what ECMA-262 means by them, groups without names:
nothing is left to what RE2 reads in its own way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from runfold.events.json_schema.bounds import SchemaRefusedError

_MAX_NESTED = 30
_COUNT = re.compile(r"\{([0-9]{1,6})(?:(,)([0-9]{1,6})?)?\}")
_PROPERTY = re.compile(r"\{([A-Z][a-z]?)\}")
_NAMED = re.compile(r"\?<[A-Za-z_$][A-Za-z0-9_$]*>")
_HEX = {"x": re.compile(r"[0-9A-Fa-f]{2}"), "u": re.compile(r"[0-9A-Fa-f]{4}")}
_BRACED = re.compile(r"\{([0-9A-Fa-f]{1,6})\}")
_CONTROLS = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13}
_SPACES = (
    (0x9, 0xD), (0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A),
    (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF),
)  # fmt: skip
_HIGHEST = 0x10FFFF


def _span(first: int, last: int) -> str:
    return f"\\x{{{first:x}}}" if first == last else f"\\x{{{first:x}}}-\\x{{{last:x}}}"


def _others() -> str:
    """Return the code points between the white space."""
    starts = [0, *(last + 1 for _, last in _SPACES)]
    ends = [*(first - 1 for first, _ in _SPACES), _HIGHEST]
    pairs = zip(starts, ends, strict=True)
    return "".join(_span(first, last) for first, last in pairs if first <= last)


_CLASSES = {
    "d": "0-9",
    "D": r"\D",
    "w": "0-9A-Za-z_",
    "W": r"\W",
    "s": "".join(_span(*pair) for pair in _SPACES),
    "S": _others(),
}
_ANY = r"[^\n\r\x{2028}\x{2029}]"


@dataclass(frozen=True, slots=True)
class Read:
    """A pattern as RE2 takes it: what comes before it at its head, itself, what it weighs."""

    ahead: tuple[tuple[bool, str], ...]
    body: str
    weight: int


class Reader:
    """Reads one pattern; every method raises SchemaRefusedError with a clause that says why."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0

    def read(self) -> Read:
        """Return the whole pattern."""
        ahead, heavy = [], 0
        anchored = self._source.startswith("^(?=") or self._source.startswith("^(?!")
        if anchored:
            self._at = 1
            while self._source.startswith(("(?=", "(?!"), self._at):
                wanted = self._source[self._at + 2] == "="
                self._at += 3
                body, weight, _ = self._choices(1)
                self._close()
                ahead.append((wanted, f"^(?:{body})"))
                heavy += weight
        body, weight, branches = self._choices(0)
        if self._at < len(self._source):
            raise self._refused("a ) closes nothing")
        if anchored and branches > 1:
            raise self._refused("look-ahead stands before a choice: put the choice in a group")
        return Read(tuple(ahead), f"^(?:{body})" if anchored else body, weight + heavy)

    def _choices(self, depth: int) -> tuple[str, int, int]:
        if depth > _MAX_NESTED:
            raise self._refused(f"groups are nested deeper than {_MAX_NESTED} levels")
        written, weight, branches = [], 1, 1
        while self._at < len(self._source) and self._source[self._at] != ")":
            if self._source[self._at] == "|":
                self._at += 1
                branches += 1
                written.append("|")
                continue
            atom, heavy, repeatable = self._atom(depth)
            suffix, times = self._quantifier()
            if suffix and not repeatable:
                raise self._refused("an assertion is repeated")
            written.append(atom + suffix)
            weight += heavy * times
        return "".join(written), weight, branches

    def _atom(self, depth: int) -> tuple[str, int, bool]:
        said = self._take()
        match said:
            case "^" | "$":
                return said, 1, False
            case ".":
                return _ANY, 1, True
            case "(":
                return self._group(depth)
            case "[":
                return self._class(), 1, True
            case "\\":
                return self._escape()
            case "*" | "+" | "?":
                raise self._refused(f"{said} repeats nothing")
            case "{" if _COUNT.match(self._source, self._at - 1):
                raise self._refused("a count repeats nothing")
        return self._literal(ord(said)), 1, True

    def _group(self, depth: int) -> tuple[str, int, bool]:
        rest = self._source
        named = _NAMED.match(rest, self._at)
        if rest.startswith("?:", self._at):
            self._at += 2
        elif named:
            self._at = named.end()
        elif rest.startswith(("?=", "?!"), self._at):
            raise self._refused("look-ahead is taken at the head of a pattern only, after ^")
        elif rest.startswith(("?<=", "?<!"), self._at):
            raise self._refused("look-behind is not taken")
        elif rest.startswith("?", self._at):
            raise self._refused("flags and other extensions are not of ECMA-262")
        body, weight, _ = self._choices(depth + 1)
        self._close()
        return f"(?:{body})", weight, True

    def _close(self) -> None:
        if self._at >= len(self._source):
            raise self._refused("a ( is never closed")
        self._at += 1

    def _quantifier(self) -> tuple[str, int]:
        counted = _COUNT.match(self._source, self._at)
        times = 2
        if counted:
            self._at = counted.end()
            least = int(counted[1])
            most = int(counted[3]) if counted[3] else least
            if most < least:
                raise self._refused("a count ends before it begins")
            suffix, times = counted[0], max(1, most + (counted[2] is not None))
        elif self._source[self._at : self._at + 1] in {"*", "+", "?"}:
            suffix = self._take()
        elif self._source.startswith("{,", self._at):
            raise self._refused("{,n} is read as text by ECMA-262: say {0,n}")
        else:
            return "", 1
        if self._source.startswith("?", self._at):
            suffix += self._take()
        return suffix, times

    def _class(self) -> str:
        negated = self._source.startswith("^", self._at)
        self._at += negated
        if self._source.startswith("]", self._at):
            raise self._refused("a class is empty")
        spans = []
        while not self._source.startswith("]", self._at):
            first = self._member()
            if isinstance(first, str):
                spans.append(first)
                continue
            last: int | str = first
            if self._source.startswith("-", self._at) and self._source[self._at + 1 :][:1] != "]":
                self._at += 1
                last = self._member()
            if isinstance(last, str):
                spans += [_span(first, first), _span(45, 45), last]
            elif last < first:
                raise self._refused("a range ends before it begins")
            else:
                spans.append(_span(first, last))
        self._at += 1
        return f"[{'^' if negated else ''}{''.join(spans)}]"

    def _member(self) -> int | str:
        said = self._take()
        if said != "\\":
            if said == "[" and self._source[self._at : self._at + 1] in {":", ".", "="}:
                raise self._refused("POSIX classes are not of ECMA-262")
            return self._whole(ord(said))
        letter = self._take()
        if letter == "b":
            return 8
        return self._meaning(letter)

    def _escape(self) -> tuple[str, int, bool]:
        letter = self._take()
        if letter in "bB":
            return f"\\{letter}", 1, False
        if letter in "123456789k":
            raise self._refused("back references are not taken")
        meant = self._meaning(letter)
        if isinstance(meant, str):
            return f"[{meant}]", 1, True
        return self._literal(meant), 1, True

    def _meaning(self, letter: str) -> int | str:
        """Return the code point of an escape, or the inside of a class."""
        if letter in _CLASSES:
            return _CLASSES[letter]
        if letter in {"p", "P"}:
            named = _PROPERTY.match(self._source, self._at)
            if named is None:
                raise self._refused("of properties general categories are taken, such as \\p{Lu}")
            self._at = named.end()
            return f"\\{letter}{named[0]}"
        return self._whole(self._point(letter))

    def _point(self, letter: str) -> int:
        """Return the code point of an escape."""
        if letter in _CONTROLS:
            return _CONTROLS[letter]
        if letter in _HEX:
            return self._hex(letter)
        if letter == "0" and not self._source[self._at : self._at + 1].isdecimal():
            return 0
        if letter == "c" and re.match(r"[A-Za-z]", self._source[self._at : self._at + 1]):
            return ord(self._take()) % 32
        if letter.isalnum():
            raise self._refused(f"\\{letter} means nothing in ECMA-262")
        return ord(letter)

    def _hex(self, letter: str) -> int:
        braced = _BRACED.match(self._source, self._at) if letter == "u" else None
        if braced:
            self._at = braced.end()
            if (point := int(braced[1], 16)) > _HIGHEST:
                raise self._refused("there is no such code point")
            return point
        digits = _HEX[letter].match(self._source, self._at)
        if digits is None:
            raise self._refused(f"\\{letter} needs hexadecimal digits")
        self._at = digits.end()
        point = int(digits[0], 16)
        if 0xD800 <= point < 0xDC00 and self._source.startswith("\\u", self._at):
            low = _HEX["u"].match(self._source, self._at + 2)
            if low and 0xDC00 <= int(low[0], 16) < 0xE000:
                self._at = low.end()
                return 0x10000 + ((point - 0xD800) << 10) + int(low[0], 16) - 0xDC00
        return point

    def _literal(self, point: int) -> str:
        return _span(self._whole(point), point)

    def _whole(self, point: int) -> int:
        if 0xD800 <= point < 0xE000:
            raise self._refused("it holds half a surrogate pair")
        return point

    def _take(self) -> str:
        if self._at >= len(self._source):
            raise self._refused("it ends too soon")
        self._at += 1
        return self._source[self._at - 1]

    def _refused(self, why: str) -> SchemaRefusedError:
        shown = self._source if len(self._source) <= 60 else f"{self._source[:59]}…"
        clean = shown.encode("utf-8", "backslashreplace").decode()
        return SchemaRefusedError(f"the pattern {clean} is not taken: {why}")
