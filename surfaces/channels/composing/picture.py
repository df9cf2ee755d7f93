"""What a rendering is made from: a run folded from its events, with what was said in it.

Nothing here is kept: the same events give the same picture, wherever they are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runfold.events import run as j
from runfold.events.run import Event
from runfold.events.values import Pin
from runfold.surfaces.application import shapes
from runfold.surfaces.application.runs.reading.run_detail import RunFold
from runfold.surfaces.channels.composing.telling import told

_ARTIFACT = re.compile(r"artifact:[\x21-\x7e]{1,500}")
_MOST_ARTIFACTS = 50


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that was said or done in a run, in words; ``seq`` is its event's.

    ``call_id`` is that of the call or question that it is about, empty where it is about none.
    """

    seq: int
    call_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A run after its event ``detail.seq``; ``profile`` is the response profile it pinned.

    ``options`` are the answers that are offered to its questions, by their ids.
    """

    detail: shapes.RunDetail
    plan: tuple[shapes.PlanStep, ...]
    artifacts: tuple[str, ...]
    moments: tuple[Moment, ...]
    profile: Pin | None
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def picture_of(events: Iterable[Event]) -> Picture | None:
    """Return the picture of a run after these events, its first among them; None for no event."""
    fold, profile = RunFold(), None
    options: dict[str, tuple[str, ...]] = {}
    moments: list[Moment] = []
    tools: dict[str, str] = {}
    artifacts: dict[str, None] = {}
    for event in events:
        fold.take(event)
        fact = event.fact
        if isinstance(fact, j.RunCreated):
            profile = fact.profile
        if isinstance(fact, j.HumanInputRequested):
            options[fact.question_id] = fact.options
        if isinstance(fact, j.ToolCallSucceeded) and fact.result.ref:
            artifacts[fact.result.ref] = None
        if isinstance(fact, j.ToolCallProposed | j.ApprovalRequested):
            tools[fact.call_id] = fact.tool
        if said := told(fact, tools):
            call = getattr(fact, "call_id", None) or getattr(fact, "question_id", None) or ""
            moments.append(Moment(event.meta.seq, call, said))
    state = fold.state()
    if state is None:
        return None
    exit_ = state.exit
    for ref in _named(exit_.payload) if exit_ else ():
        artifacts[ref] = None
    fields = {name: getattr(state, name) for name in shapes.RunDetail.model_fields}
    known = [ref for ref in artifacts if _ARTIFACT.fullmatch(ref)]
    return Picture(
        detail=shapes.RunDetail(**fields),
        plan=state.plan,
        artifacts=tuple(known[:_MOST_ARTIFACTS]),
        moments=tuple(moments),
        profile=profile,
        options=options,
    )


def asked_for(detail: shapes.RunDetail) -> Picture:
    """Return the picture of a run that was asked for, and that has no event yet."""
    return Picture(detail, (), (), (), None)


def _named(payload: Any) -> Iterable[str]:
    return _texts(payload.get("artifacts") if isinstance(payload, dict) else None)


def _texts(found: Any) -> tuple[str, ...]:
    return tuple(each for each in found if isinstance(each, str)) if isinstance(found, list) else ()
