"""Signs that a text gives orders to whoever reads it: counted, and never the base of a decision.

A detector misses what it does not know and suspects what is harmless, so nothing rests on this one:
what strangers wrote raises what a run's calls need whether or not a sign is found in it. Signs say
where somebody should look. Every repetition in the patterns is bounded, for texts are hostile.
"""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Iterator
from itertools import repeat

from runfold.events.values import Sign

MOST_CHARS = 1_000_000
"""How much of a text is looked through, in characters."""


def _near(first: str, last: str, chars: int = 30) -> str:
    """Return a pattern for a word of the first kind with one of the last kind soon after it."""
    return rf"\b(?:{first})\b.{{0,{chars}}}\b(?:{last})\b"


_SIGNS: dict[str, tuple[str, ...]] = {
    # It takes back what the reader was told.
    "override": (
        _near(
            "ignore|disregard|forget|override|bypass",
            "instructions?|prompts?|rules|guidelines|directives|orders|training",
            40,
        ),
        _near("ignoriere|vergiss|missachte", "anweisungen|regeln|vorgaben", 40),
        _near("ignora|olvida", "instrucciones|reglas", 40),
        r"忽略.{0,12}(?:指令|指示|规则)",
        _near("task|goal|instructions?", "has changed|have changed", 10),
        _near("permanent|real", "instructions?|system prompt", 1),
    ),
    # It speaks to a machine that reads, not to a person.
    "addresses_model": (
        _near("note|instructions?|message|hint", "to|for", 10)
        + r".{0,25}\b(?:ai|llm|assistants?|agents?|language models?|chat ?bots?)\b",
        r"\ban den assistenten\b|\bpara el asistente\b|致(?:助手|人工智能)",
        _near("you are", "now|no longer", 1),
        _near("when you use|the next|any other", "tools?", 20),
        _near("replacement|it", "must be called with", 1),
    ),
    # It imitates the forms in which models are given turns, tools and provenance.
    "fake_turn": (
        r"<\|(?:im_start|im_end|system|user|assistant|endoftext)\|>|\[/?INST\]|<</?SYS>>",
        r"</?(?:tool_result|tool_call|function_calls?|function_results?|system|instructions)>",
        r"[\"']role[\"']\s{0,5}:\s{0,5}[\"'](?:system|developer|assistant)[\"']",
        r"(?:^|\n)\s{0,10}(?:human|assistant|system)\s{0,3}:",
        r"<<\s{0,3}(?:end of )?(?:un)?trusted\b|\bnot untrusted any ?more\b",
        r"[\"']tools[\"']\s{0,5}:\s{0,5}\[|(?:^|\n)kind: ?(?:agent|tool)\b",
    ),
    # It claims a power that no text can give.
    "authority": (
        _near(
            "approvals?", r"granted|given|(?:not|no longer) (?:needed|required)|skipp?(?:ed|ing)?"
        ),
        _near("skip|bypass|without|needs?", "approvals?", 20),
        _near("i am|this is", "admin|administrator|developer", 15),
        _near("policy", "update|change|override", 1),
    ),
    # It does not want to be mentioned.
    "secrecy": (
        _near("do not|don't|never|without", "tell|inform|mention|notify|alert|telling", 10)
        + r".{0,30}\b(?:users?|anyone|anybody|humans?|owner|customer|this)\b",
    ),
    # It asks for what was read to go to an address.
    "exfiltration": (
        r"!\[[^\]\n]{0,200}\]\(https?://[^)\s?]{0,500}\?",
        _near("send|forward|post|upload|e-?mail", "everything|all|secrets?|passwords?|keys?", 40)
        + r".{0,60}(?:@|https?://)",
        r"\b169\.254\.169\.254\b|\bmetadata\.google\.internal\b",
    ),
    # It means to stay.
    "persistence": (
        _near("all|every|any", "(?:future|later|other) (?:runs?|users?|conversations?)", 1),
        _near("stays? valid|remember this|keep this", "run|always|ever|future|user", 40),
    ),
    # It is written so that people do not see it.
    "hidden_text": (
        "[\U000e0020-\U000e007e]{4}",
        "(?:[\u200b-\u200d\u2060\ufeff][^\u200b-\u200d\u2060\ufeff]{0,2}){12}",
        "[\u202a-\u202e\u2066-\u2069]{3}",
        _near("decode|decrypt", "(?:and|then) (?:do|follow|execute|run|obey)", 20),
        r"\bread (?:this|it) (?:from its end|backwards?|in reverse)\b",
        r"(?:\S\s{1,3}){20}",
    ),
}

_COMPILED = {
    kind: tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)
    for kind, patterns in _SIGNS.items()
}

_BASE64 = re.compile(r"[A-Za-z0-9+/]{40,4000}={0,2}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){32,2000}")
_MOST_ENCODED = 100


def signs_in(text: str) -> tuple[Sign, ...]:
    """Return how many passages bear a sign, by kind, in the order of the kinds' names.

    What is encoded in base64 or hexadecimal digits is looked through as well, once.
    """
    looked_through = text[:MOST_CHARS]
    found = Counter(_kinds(looked_through))
    if hidden := "\n".join(_decoded(looked_through)):
        found["hidden_text"] += any(_kinds(hidden))
    return tuple(Sign(kind=kind, count=count) for kind, count in sorted(found.items()) if count)


def strings_of(value: object) -> str:
    """Return the words of a plain value, a string a line, names of members among them."""
    found, left = list[str](), [value]
    while left:
        match left.pop():
            case str() as said:
                found.append(said)
            case dict() as members:
                left += [*reversed(members.values()), *reversed(members)]
            case list() as items:
                left += reversed(items)
            case _:
                pass
    return "\n".join(found)


def _kinds(text: str) -> Iterator[str]:
    """Yield the kind of each passage that bears a sign."""
    for kind, patterns in _COMPILED.items():
        for pattern in patterns:
            yield from repeat(kind, sum(1 for _ in pattern.finditer(text)))


def _decoded(text: str) -> Iterator[str]:
    """Yield the words that stand in a text in another writing."""
    for place, match in enumerate(_BASE64.finditer(text)):
        if place == _MOST_ENCODED:
            break
        whole = match[0].rstrip("=")
        whole = whole[: len(whole) - (len(whole) % 4 == 1)]
        yield _words(base64.b64decode(whole + "=" * (-len(whole) % 4)))
    for place, match in enumerate(_HEX.finditer(text)):
        if place == _MOST_ENCODED:
            break
        yield _words(bytes.fromhex(match[0]))


def _words(data: bytes) -> str:
    return data.decode("utf-8", "ignore")
