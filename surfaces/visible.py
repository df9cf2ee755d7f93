r"""Text of a model, a tool or a stranger, made safe to show: what steers a terminal is visible.

Escape sequences move the cursor, rewrite what was said and fill clipboards; bidirectional overrides
let a command read as another one. Nothing is dropped: a control becomes its picture (␛), everything
else its escape (``\u202e``), so that a person sees that it is there.
"""

from __future__ import annotations

import re

_PICTURES = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "\u2421"}
_KEPT = "\n\t"

# C0, delete and C1; marks, overrides and isolates of direction; separators of lines; what has no
# width and is no part of a word or an emoji; tags; halves of characters.
_STEERS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def visible(text: str) -> str:
    """Return a text that cannot steer a terminal; lines and tabulators stay."""
    return text if text.isascii() and text.isprintable() else _STEERS.sub(_shown, text)


def on_one_line(text: str) -> str:
    """Return a text that cannot steer a terminal, nor pass for several lines."""
    safe = visible(text)
    return safe.replace("\n", "\u2424").replace("\t", " ") if "\n" in safe or "\t" in safe else safe


def visible_json(text: str) -> str:
    """Return JSON text with what would steer a terminal as escapes: the same value when read."""
    return text if text.isascii() and text.isprintable() else _STEERS.sub(_escaped, text)


def _shown(found: re.Match[str]) -> str:
    return _PICTURES.get(ord(found.group())) or _escaped(found)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found.group())
    if code <= 0xFFFF:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
