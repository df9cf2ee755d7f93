"""Brakes: what is done where a run of an agent diverges, declared by the agent [57].

A brake is a detector with a threshold and its reactions: the first time that the threshold is
crossed the first reaction follows, the second time the second, and from then on the last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from runfold.events.base import money

Detector = Literal[
    "same_calls",
    "similar_calls",
    "error_streak",
    "no_progress",
    "oscillation",
    "cost_velocity",
    "token_velocity",
    "unfounded_claims",
    "tainted_call",
    "goal_drift",
]
Reaction = Literal["slow", "think_again", "ask", "hand_over", "stop", "roll_back"]

DETECTORS: tuple[str, ...] = get_args(Detector)
REACTIONS: tuple[str, ...] = get_args(Reaction)

BOUNDS: Mapping[str, tuple[int, int]] = {
    "same_calls": (2, 32),
    "similar_calls": (2, 32),
    "error_streak": (1, 32),
    "no_progress": (1, 1_000),
    "oscillation": (2, 8),
    "unfounded_claims": (1, 32),
    "tainted_call": (1, 4),
    "goal_drift": (1, 100),
}
"""The least and the greatest threshold of detectors that count; the others are rates above zero.

What a run remembers is bounded, so a greater one could never be crossed. That of ``tainted_call``
is a risk level, that of ``goal_drift`` what a judge says of 100.
"""

BY_CALLS = frozenset({"same_calls", "similar_calls", "error_streak", "oscillation", "tainted_call"})
"""The detectors whose evidence is calls: a run can go back to before the first of them."""

MOST_CLAIMS = 32
MOST_REACTIONS = 16
_LONGEST_SLOW_MS = 3_600_000


def plain(number: Decimal | int) -> str:
    """Return a number as it is written without an exponent and without zeros at its end."""
    if isinstance(number, int):
        return str(number)
    written = f"{number:f}"
    return written.rstrip("0").rstrip(".") if "." in written else written


def _number(said: Any) -> Any:
    """Return a threshold as a decimal at the scale of money; binary floats by their shortest form.

    Raises ValueError for what is no finite number.
    """
    try:
        found = Decimal(str(said))
    except InvalidOperation as error:
        raise ValueError(f"{said!r} is no number") from error
    if not found.is_finite():
        raise ValueError("a threshold is a finite number")
    return money(found)


Threshold = Annotated[Decimal, BeforeValidator(_number), PlainSerializer(plain, return_type=str)]


class Judge(BaseModel):
    """Who judges goal drift: a model, the agent's own where none is named, by a ``rubric``.

    It is asked after ``every`` answers of the agent's model.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rubric: str = Field(min_length=1, max_length=4_000)
    every: int = Field(default=5, ge=1, le=1_000)
    model: str | None = Field(default=None, min_length=1)


class Brake(BaseModel):
    """What follows where a detector's score reaches ``threshold``.

    ``slow_ms`` is how long the reaction ``slow`` keeps the model from being called. ``claims``
    belongs to ``unfounded_claims`` alone: a word or phrase that a completion may say only after the
    tool beside it has succeeded in the run. ``judge`` belongs to ``goal_drift`` alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: Threshold
    reactions: tuple[Reaction, ...]
    slow_ms: int = Field(default=30_000, ge=1, le=_LONGEST_SLOW_MS)
    claims: dict[str, str] = Field(default_factory=dict, exclude_if=lambda said: not said)
    judge: Judge | None = Field(default=None, exclude_if=lambda said: said is None)


def faults_of(
    detector: str,
    threshold: Decimal,
    reactions: tuple[str, ...],
    claims: Mapping[str, str],
    *,
    judged: bool = False,
) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with one brake: the field, and a sentence that says what to do."""
    if detector not in DETECTORS:
        yield "", f"there is no detector {detector}: the detectors are {', '.join(DETECTORS)}"
        return
    yield from _threshold_faults(detector, threshold)
    if not reactions:
        yield "reactions", f"nothing follows: name at least one of {', '.join(REACTIONS)}"
    elif len(reactions) > MOST_REACTIONS:
        yield "reactions", f"at most {MOST_REACTIONS} reactions can be named"
    elif "stop" in reactions[:-1]:
        yield "reactions", "nothing can follow stop: leave out what stands after it"
    if judged is not (detector == "goal_drift"):
        yield "judge", "goal_drift, and nothing else, has a judge: say by which rubric it judges"
    if "roll_back" in reactions and detector not in BY_CALLS:
        which = ", ".join(sorted(BY_CALLS))
        yield "reactions", f"{detector} names no call to go back to: roll_back is for {which}"
    if claims and detector != "unfounded_claims":
        yield "claims", "only unfounded_claims knows claims: remove them"
    elif len(claims) > MOST_CLAIMS:
        yield "claims", f"at most {MOST_CLAIMS} claims can be named"
    for phrase in claims:
        if not words_of(phrase).strip():
            yield "claims", f"{phrase!r} holds no word that a completion could say"


def _threshold_faults(detector: str, threshold: Decimal) -> Iterator[tuple[str, str]]:
    if threshold <= 0:
        yield "threshold", "a threshold is above zero"
    elif (bounds := BOUNDS.get(detector)) is not None:
        least, most = bounds
        if threshold != int(threshold) or not least <= threshold <= most:
            yield (
                "threshold",
                f"{detector} counts: its threshold is a whole number, {least} to {most}",
            )


def words_of(said: str) -> str:
    """Return a text as its words in lower case, one space around each.

    Only ASCII is folded: other alphabets depend on the release of Unicode, and a decision must be
    the same on every machine.
    """
    kept = [
        each.lower() if each.isascii() and each.isalnum() else each if ord(each) > 127 else " "
        for each in said
    ]
    return f" {' '.join(filter(None, ''.join(kept).split(' ')))} "


def _checked(brakes: dict[str, Brake]) -> dict[str, Brake]:
    for name, brake in brakes.items():
        judged = brake.judge is not None
        for field, sentence in faults_of(
            name, brake.threshold, brake.reactions, brake.claims, judged=judged
        ):
            raise ValueError(f"brakes.{name}{'.' if field else ''}{field}: {sentence}")
    return brakes


Brakes = Annotated[dict[str, Brake], AfterValidator(_checked)]
"""The brakes of an agent by the names of their detectors."""
