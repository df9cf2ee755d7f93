"""What an event says, in plain words short enough for one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from string import Formatter
from typing import TYPE_CHECKING, Any

from runfold.events.base import Fact
from runfold.events.contents.content import JSON, Content
from runfold.events.values import Plan, Usage
from runfold.events.wording import plain, plain_json, question_of
from runfold.surfaces.visible import on_one_line

if TYPE_CHECKING:
    from runfold.events import run as j

_SCRIPTED = "scripted"
_SHORT = 60
_LONG = 140


def said(fact: Fact) -> str:
    """Return what a fact says to people, without its time, status and cost."""
    reads = fact.traits.reads
    template = reads if isinstance(reads, str) else reads(fact)
    return _READER.vformat(template, (), {"fact": fact, **vars(fact)})


def model_name(name: str, provider: str = "") -> str:
    """Return a model's name; one that is only a script says so."""
    if name.startswith(f"{_SCRIPTED}:") or provider == _SCRIPTED:
        return f"{name.partition(':')[2] or name} (scripted, no model)"
    return name


def shortened(text: str, most: int = _SHORT) -> str:
    """Return a text on one line, cut in its middle's favour to ``most`` characters."""
    line = on_one_line(" ".join(text.split()))
    return line if len(line) <= most else f"{line[: most - 1]}…"


def money(amount: Decimal) -> str:
    """Return an amount in dollars, as exact as people need it."""
    places = 2 if amount >= 1 or amount == 0 else 4
    return f"${amount:.{places}f}"


def spent(amount: Decimal | None, unpriced: int) -> str:
    """Return a cost; what has no known price is said, since it is not zero."""
    if amount is None:
        return "unpriced"
    if not unpriced:
        return money(amount)
    return f"{money(amount)}+?" if amount else "unpriced"


def arguments(content: Content, most: int = _SHORT) -> str:
    """Return a call's arguments as ``name=value, …``."""
    value = _value(content)
    if not isinstance(value, dict):
        return shortened(_text(content), most)
    return shortened(", ".join(f"{name}={_scalar(held)}" for name, held in value.items()), most)


def result(content: Content, most: int = _LONG) -> str:
    """Return a result in one line: its own summary where it has one."""
    if content.ref is not None and content.inline is None:
        return f"{content.size:,} bytes in the artifact store"
    value = _value(content)
    if isinstance(value, dict):
        for name in ("summary", "summary_markdown", "message"):
            if isinstance(value.get(name), str) and value[name].strip():
                return shortened(value[name], most)
        return shortened(", ".join(f"{name}={_scalar(v)}" for name, v in value.items()), most)
    if isinstance(value, list):
        return f"{len(value)} items"
    return shortened(_text(content), most)


def _value(content: Content) -> Any:
    if content.inline is None or content.media_type != JSON:
        return None
    try:
        return plain_json(json.loads(content.inline))
    except ValueError:
        return None


def _text(content: Content) -> str:
    if content.inline is None:
        return f"{content.size:,} bytes"
    return content.inline.decode("utf-8", "replace")


def _scalar(value: object) -> str:
    match value:
        case str():
            return json.dumps(shortened(value, 40), ensure_ascii=False)
        case list():
            return f"[{len(value)}]"
        case dict():
            return f"{{{len(value)}}}"
        case _:
            return json.dumps(value)


def _tokens(usage: Usage) -> str:
    return f"{usage.input_tokens:,} tokens in, {usage.output_tokens:,} out"


def _answer(fact: j.ModelResponded) -> str:
    calls = " and ".join(call.name for call in fact.answer.tool_calls)
    spoken = shortened(_text(fact.answer.text)) if fact.answer.text else "nothing"
    chosen = f"chose {calls}" if calls else f"answered: {spoken}"
    return f"{model_name(fact.model, fact.provider)} {chosen} [{_tokens(fact.usage)}]"


def _number(call_id: str) -> str:
    return f"#{call_id.rpartition('.')[2]}"


def _message(kind: j.MessageKind) -> str:
    return {"goal": "the goal", "instructions": "new instructions"}.get(kind, "a message")


def _steps(plan: Plan) -> str:
    steps = "; ".join(f"{step.description} ({step.status})" for step in plan.steps)
    return shortened(steps, _LONG)


def _because(reason: str | None) -> str:
    return f": {shortened(reason)}" if reason else ""


def _edited(content: Content | None) -> str:
    return f" with edited arguments ({arguments(content)})" if content else ""


def _question(content: Content) -> str:
    return shortened(question_of(content), _LONG)


_FORMATS: dict[str, Callable[[Any], str]] = {
    "again": lambda attempt: f", attempt {attempt}" if attempt > 1 else "",
    "answer": _answer,
    "arguments": lambda content: arguments(content, 100),
    "because": _because,
    "calls": lambda used: f"{used.model_calls} model and {used.tool_calls} tool calls",
    "content": lambda content: shortened(_text(content), _LONG),
    "edited": _edited,
    "issues": lambda issues: "; ".join(issues) or "no issues",
    "long": lambda text: shortened(text, _LONG),
    "message": _message,
    "model": model_name,
    "money": money,
    "number": _number,
    "paid": lambda cost: f", {money(cost)}" if cost else "",
    "question": _question,
    "result": result,
    "steps": _steps,
}
"""How a value reads, by the format spec of its place in a template; others are Python's own."""


class _Reader(Formatter):
    def format_field(self, value: Any, format_spec: str) -> str:
        """Return a value as its spec says; a text that is recorded as a code is in words."""
        value = plain(value) if isinstance(value, str) else value
        shown = _FORMATS.get(format_spec)
        return shown(value) if shown else format(value, format_spec)


_READER = _Reader()
