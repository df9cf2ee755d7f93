"""What a run asks of a person, as blocks: as many at once as the profile and the channel allow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runfold.events.definitions import ResponseProfile
from runfold.surfaces.application import shapes
from runfold.surfaces.channels.composing.capabilities import Capabilities
from runfold.surfaces.channels.composing.picture import Picture
from runfold.surfaces.channels.composing.shortening import in_words, one_line, shorten
from runfold.surfaces.channels.document import Approval, Block, Question, Said, Text

_ONE_AT_A_TIME = frozenset({"ask_one_clear_question", "voice_confirmation"})
_MOST_ARGUMENTS = 20
_MOST_OPTIONS = 10
_MOST_LEAVES = 500


def asked(picture: Picture, profile: ResponseProfile, can: Capabilities) -> Iterator[Block]:
    """Yield what waits for a person; what is not asked yet is counted."""
    most = 1 if profile.approval_policy in _ONE_AT_A_TIME else can.asks
    detail = picture.detail
    for wait in detail.waits_for[:most]:
        yield _block(picture, wait)
    if (more := len(detail.waits_for) - most) > 0:
        yield Text(Said.NOTE, f"{more} more to decide after this.")


def _block(picture: Picture, wait: shapes.Wait) -> Block:
    detail = picture.detail
    if wait.kind == "approval":
        return _approval(detail, wait)
    if wait.kind == "question":
        return Question(
            run_id=detail.run_id,
            call_id=wait.call_id,
            text=shorten(wait.question, 40, 3_000).text or "The agent asks something.",
            options=tuple(
                one_line(each, 200)
                for each in picture.options.get(wait.call_id, ())[:_MOST_OPTIONS]
            ),
            digest=wait.shown_digest or "",
        )
    # Whether something happened, and whether a limit is raised, is decided where all of it is seen.
    return Text(Said.NOTE, f"Waits for somebody to look at it: {one_line(wait.question, 500)}")


def _approval(detail: shapes.RunDetail, wait: shapes.Wait) -> Approval:
    level = next((c.risk_level for c in detail.calls if c.call_id == wait.call_id), 0)
    held = wait.arguments if isinstance(wait.arguments, dict) else {"arguments": wait.arguments}
    shown = list(held.items())
    arguments = [(one_line(str(name), 80), in_words(value, 500)) for name, value in shown]
    if (more := len(arguments) - _MOST_ARGUMENTS) > 0:
        arguments = [*arguments[:_MOST_ARGUMENTS], ("…", f"{more} more")]
    return Approval(
        run_id=detail.run_id,
        call_id=wait.call_id,
        tool=one_line(wait.tool, 120),
        text=shorten(wait.question, 40, 3_000).text,
        arguments=tuple(arguments),
        risk_level=level,
        digest=wait.shown_digest or "",
        needed=wait.approvals_needed or 1,
        approved_by=wait.approved_by,
        leaves=_leaves(wait.arguments),
    )


def _leaves(arguments: Any) -> tuple[tuple[str, str], ...] | None:
    found: list[tuple[str, str]] = []
    waiting: list[tuple[str, Any]] = [("", arguments)]
    looked = 0
    while waiting:
        name, value = waiting.pop()
        looked += 1
        if looked > _MOST_LEAVES:
            return None
        match value:
            case str():
                found.append((name, value))
            case dict():
                waiting += [(str(key), held) for key, held in reversed(value.items())]
            case list():
                waiting += [(name, held) for held in reversed(value)]
            case _:
                pass
    return tuple(found)
