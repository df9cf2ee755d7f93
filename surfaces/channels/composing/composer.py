"""From a run's picture, a profile and what a channel can do to a document: a pure function [187].

In this order: what was said before, what is new, where it stands, what is asked of the person, the
result, what was made, and what can be had elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from runfold.events.definitions import ResponseProfile
from runfold.events.values import RunStatus
from runfold.surfaces.application import shapes
from runfold.surfaces.application.runs.reading.accepted import view_of
from runfold.surfaces.channels.composing.asking import asked
from runfold.surfaces.channels.composing.capabilities import Capabilities
from runfold.surfaces.channels.composing.picture import Moment, Picture
from runfold.surfaces.channels.composing.results import Shown, result
from runfold.surfaces.channels.composing.shortening import ITEMS, one_line
from runfold.surfaces.channels.composing.telling import status_of
from runfold.surfaces.channels.document import (
    Artifact,
    Block,
    Card,
    Document,
    HandOff,
    Items,
    Progress,
    Said,
    Text,
)

_TITLE = 120
_SPOKEN = frozenset({"speech", "voice"})


def compose(
    picture: Picture, profile: ResponseProfile, can: Capabilities, seen: int | None = None
) -> Document:
    """Return what is shown of a run to somebody who was shown it up to event ``seen``."""
    detail = picture.detail
    made = result(detail, profile, can)
    blocks: list[Block] = []
    if seen is not None:
        blocks += _before(picture, profile, can, seen)
        blocks += _new(picture, profile, can, seen)
    blocks += _standing(picture, profile)
    blocks += asked(picture, profile, can)
    blocks += made.blocks
    blocks += _artifacts(picture, profile, can)
    blocks += _hand_off(picture, profile, made)
    return Document(
        run_id=detail.run_id,
        channel=profile.channel,
        profile=f"{profile.name}@{profile.version}",
        status=detail.status,
        seq=detail.seq,
        seen=seen,
        title=one_line(detail.goal, _TITLE),
        ended=detail.exit is not None,
        blocks=tuple(blocks),
    )


def _before(
    picture: Picture, profile: ResponseProfile, can: Capabilities, seen: int
) -> Iterator[Block]:
    """Yield what the person was told already: the latest of it, as much as fits in mind."""
    # What is still asked comes below, as something to decide.
    asked_now = {wait.call_id for wait in picture.detail.waits_for}
    told = [each for each in picture.moments if each.seq <= seen and each.call_id not in asked_now]
    if told:
        most = min(ITEMS[profile.memory_load], can.items, 7)
        yield _listed(Said.BEFORE, "Already said", told, most)


def _new(
    picture: Picture, profile: ResponseProfile, can: Capabilities, seen: int
) -> Iterator[Block]:
    """Yield what happened after that."""
    asked_now = {wait.call_id for wait in picture.detail.waits_for}
    new = [each for each in picture.moments if each.seq > seen and each.call_id not in asked_now]
    if new and picture.detail.exit is None:
        yield _listed(Said.NEW, "Since then", new, min(ITEMS[profile.memory_load], can.items))


def _listed(said: Said, title: str, moments: list[Moment], most: int) -> Items:
    kept = moments[-most:]
    return Items(
        said, title, tuple(one_line(each.text, 200) for each in kept), len(moments) - len(kept)
    )


def _standing(picture: Picture, profile: ResponseProfile) -> Iterator[Block]:
    """Yield where the run stands, as much of it as the progress policy says."""
    detail = picture.detail
    if "card" in profile.structure or profile.channel in {"api", "web", "desktop"}:
        yield Card(view_of(detail).card)
    yield Text(Said.STATUS, _sentence(detail))
    if detail.exit is not None or profile.progress_policy == "none":
        return
    done = sum(step.status in {"done", "completed"} for step in picture.plan)
    if picture.plan and profile.progress_policy in {"milestones", "every_step"}:
        now = next((s.description for s in picture.plan if s.status == "in_progress"), "")
        yield Progress(done, len(picture.plan), one_line(now or detail.last_action, 200))
    elif not detail.waits_for and profile.progress_policy != "brief_status_only":
        yield Progress(0, 0, one_line(detail.last_action, 200))


def _sentence(detail: shapes.RunDetail) -> str:
    if detail.held_by:
        return f"{detail.agent} is held by {one_line(detail.held_by, 80)}."
    if detail.status is RunStatus.FAILED:
        return f"{detail.agent} has failed."
    return f"{detail.agent} is {status_of(detail.status)}."


def _artifacts(picture: Picture, profile: ResponseProfile, can: Capabilities) -> Iterator[Block]:
    if not picture.artifacts or profile.artifact_policy == "none":
        return
    count = len(picture.artifacts)
    if profile.artifact_policy == "summarize_and_offer_link" or not can.links:
        made = "One file was" if count == 1 else f"{count} files were"
        yield Text(Said.NOTE, f"{made} made.")
    if not can.links:
        return
    most = min(can.items, ITEMS[profile.memory_load])
    for at, ref in enumerate(picture.artifacts[:most], 1):
        yield Artifact(ref, f"file {at}", profile.artifact_policy)


def _hand_off(picture: Picture, profile: ResponseProfile, made: Shown) -> Iterator[Block]:
    """Offer the whole elsewhere, where something could not be given here."""
    to = profile.fallback.hand_off_to
    if to is None or to == profile.channel:
        return
    unseen = bool(picture.artifacts) and not _SPOKEN.isdisjoint(profile.allowed_modalities)
    if made.cut or unseen:
        files = "the file" if len(picture.artifacts) == 1 else "the files"
        yield HandOff(to, "the whole answer" if made.cut else files)
