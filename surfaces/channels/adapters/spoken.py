"""Texts as they are spoken: without marks, ids and links, and with numbers as people say them."""

from __future__ import annotations

import re
from functools import partial
from xml.sax.saxutils import escape

_LINK = re.compile(r"\[([^\]\n]{1,200})\]\([^)\s]{1,2000}\)")
_URL = re.compile(r"\b(?:https?|ftp|mailto|artifact|file):[^\s<>\"')]{1,2000}", re.IGNORECASE)
_UUID = re.compile(
    r"\b(?:run_)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:\.\d+)?\b", re.IGNORECASE
)
# Letters of a digest with a figure among them: no word of any language.
_HEX = re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{10,}\b", re.IGNORECASE)
_CODE = re.compile(r"\b(?=[A-Za-z0-9_-]*\d)(?=[A-Za-z0-9_-]*[A-Za-z])[A-Za-z0-9_-]{16,}\b")
_NOTE = re.compile(r"[ \t]?\[(?=[^\]\n]{0,80}\d)[^\]\n]{1,160}\]")
"""A remark in brackets with figures in it, such as the number of a source: for the eye."""
_MONEY = re.compile(r"([$€£])\s?(\d[\d,]*)(?:\.(\d+))?")
_PERCENT = re.compile(r"(\d)\s?%")
_GROUPED = re.compile(r"(?<=\d),(?=\d{3}\b)")
_MARKS = re.compile(r"[*_`#~|>]{1,3}|^\s*[-•+]\s+|^\s*\d+[.)]\s+", re.MULTILINE)
_WORD = re.compile(r"([^\W\d_]+) $")
_BEFORE_A_NAME = frozenset(
    {"a", "about", "after", "and", "as", "at", "before", "but", "by", "for", "from", "in", "into"}
    | {"is", "of", "on", "or", "see", "than", "that", "the", "to", "use", "was", "with"}
)
_CONTROL = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ENDS = re.compile(r"(?<=[.!?…])\s+")
_UNSAID = (_LINK, _NOTE, _URL, _UUID, _HEX, _CODE, _CONTROL)
_CURRENCY = {"$": ("dollar", "cent"), "€": ("euro", "cent"), "£": ("pound", "penny")}


def spoken(text: str) -> str:
    """Return a text as it is read aloud, on one line."""
    text = _LINK.sub(r"\1", text)
    text = _NOTE.sub("", text)
    text = _URL.sub("a link", text)
    text = _UUID.sub(partial(_named, "an id"), text)
    text = _MONEY.sub(_amount, text)
    text = _HEX.sub(partial(_named, "an id"), text)
    text = _CODE.sub(partial(_named, "a code"), text)
    text = _PERCENT.sub(r"\1 percent", text)
    text = _GROUPED.sub("", text)
    text = _MARKS.sub(" ", text)
    return " ".join(_CONTROL.sub(" ", text).split())


def is_speakable(text: str) -> bool:
    """Whether a text is spoken whole: without ids, codes, links and remarks, and not cut."""
    left_out = any(each.search(text) for each in _UNSAID)
    return not left_out and not text.endswith("…")


def ssml(sentences: list[str]) -> str:
    """Return sentences that were made for speaking as SSML; all of their text is escaped."""
    every = (each for said in sentences for each in _ENDS.split(_CONTROL.sub(" ", said)))
    parts = "".join(f"<s>{escape(each)}</s>" for each in every if each)
    return f"<speak><p>{parts}</p></speak>"


def _named(what: str, found: re.Match[str]) -> str:
    """Return what is said in the place of an id: nothing behind the word that it only names."""
    before = _WORD.search(found.string, max(0, found.start() - 40), found.start())
    return what if before is None or before[1].lower() in _BEFORE_A_NAME else ""


def _amount(found: re.Match[str]) -> str:
    sign, whole, part = found.groups()
    name, small = _CURRENCY[sign]
    units = int(whole.replace(",", ""))
    # What is less than a cent is not said to the digit.
    cents = int((part or "0").ljust(2, "0")[:2])
    if units == 0 and cents == 0:
        exact = not part or not part.strip("0")
        return f"no {name}s" if exact else f"less than one {small}"
    said = [f"{units} {name}{'' if units == 1 else 's'}"] if units else []
    if cents:
        plural = "pence" if small == "penny" else f"{small}s"
        said.append(f"{cents} {small if cents == 1 else plural}")
    return " and ".join(said)
