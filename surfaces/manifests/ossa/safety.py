"""Which fields were to protect somebody: not to honour them needs the consent of who publishes.

A field is told by its words, at any depth: ``approvalRequired`` in the extension of another
product is as good a promise as ``spec.autonomy.approval_required``. What is switched off, or says
nothing, promises nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from runfold.infra.documents import Document, FieldPath, Remark


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WORDS = _words(
    """
    allowed allowlist approval approvals approver approvers approve autonomy blocked blocklist
    budget budgets classification compliance confidential confidentiality confirmation consent
    denied deny denylist encrypted encryption escalate escalation escalations forbidden gdpr
    governance guardrail guardrails hipaa hitl human isolation moderation permission permissions
    pii policies prohibited redact redaction region regions residency restricted restrictions
    retention safety sandbox sandboxed security separation supervision
    """
)
"""Words of a field's name that say that it protects."""

_PHRASES = frozenset(
    {
        *(("cost", "limit"), ("cost", "limits"), ("daily", "limit"), ("max", "cost")),
        *(("max", "spend"), ("rate", "limit"), ("rate", "limits"), ("rate", "limiting")),
        *(("spending", "limit"), ("tokens", "per"), ("cost", "per"), ("content", "filter")),
        *(("content", "filtering"), ("content", "filters"), ("content", "safety")),
        *(("requests", "per"), ("requires", "confirmation"), ("read", "only")),
    }
)
"""Two words of a field's name that say so together."""

_WHOLE = (("spec", "access"), ("spec", "constraints", "cost"))
"""Fields that protect whatever the names within them say."""

_DESCRIBING = _words(
    """
    capabilities examples input input_schema inputSchema inputs output output_schema outputSchema
    outputs parameters properties schema taxonomy
    """
)
"""Fields that describe data or skills: a name in them is no promise."""

_OFF = frozenset({"", "disabled", "false", "never", "no", "none", "off"})

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def not_honoured(
    document: Document, path: FieldPath, value: Any, why: str, *, consent: bool = False
) -> Iterator[Remark]:
    """Yield a remark on a field, and one on each field within it that was to protect somebody."""
    protects = _protects(path, value, document.data)
    yield document.remark(path, f"not honoured: {why}", consent=consent or protects)
    if not protects:
        for each in _within(path, value):
            yield document.remark(each, "not honoured: it was to protect somebody", consent=True)


def _protects(path: FieldPath, value: Any, data: Any) -> bool:
    """Return whether a field was to protect somebody, by its name or by what it stands in.

    A list of allowed actions that names every tool of the agent is honoured as it stands.
    """
    if _off(value) or (path[-2:] == ("autonomy", "allowed_actions") and _covers(value, data)):
        return False
    whole = any(path[: len(each)] == each for each in _WHOLE)
    return whole or any(isinstance(each, str) and _tells(each) for each in path)


def _tells(name: str) -> bool:
    words = [each.lower() for each in _WORD.findall(name[:200])]
    return bool(_WORDS.intersection(words)) or any(pair in _PHRASES for pair in pairwise(words))


def _within(path: FieldPath, value: Any) -> Iterator[FieldPath]:
    """Yield the places within a value that protect, but for what only describes data."""
    if any(part in _DESCRIBING for part in path):
        return
    pairs = enumerate(value) if isinstance(value, list) else ()
    for key, each in value.items() if isinstance(value, dict) else pairs:
        here = (*path, key)
        if isinstance(key, str) and _tells(key) and not _off(each):
            yield here
        else:
            yield from _within(here, each)


def _off(value: Any) -> bool:
    if isinstance(value, dict):
        return value.get("enabled") is False or all(_off(each) for each in value.values())
    if isinstance(value, list):
        return all(_off(each) for each in value)
    return value is None or value is False or str(value).strip().lower() in _OFF


def _covers(allowed: Any, document: Any) -> bool:
    tools = document.get("spec", {}).get("tools", ()) if isinstance(document, dict) else ()
    names = {each.get("name") for each in tools if isinstance(each, dict)}
    return isinstance(allowed, list) and names <= {each for each in allowed if type(each) is str}
