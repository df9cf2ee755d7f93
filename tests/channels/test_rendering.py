"""One run at four moments, as every channel shows it: held against files that people have read."""

from __future__ import annotations

import json

import pytest

from runfold.events.definitions import Definitions, ResponseProfile
from runfold.events.definitions.agents.built_in_profiles import for_channel
from runfold.surfaces.application.errors import InvalidError, NotFoundError
from runfold.surfaces.channels.composing.capabilities import CAPABILITIES
from runfold.surfaces.channels.document import Card, Items
from runfold.surfaces.channels.rendering import document_of, known_channel, profile_for, rendered
from tests.channels.given import STATES, WIRING, picture
from tests.channels.golden import same

CHANNELS = sorted(CAPABILITIES)


def shaped(media_type: str, body: str) -> str:
    """Return a payload as a file that people can read."""
    if media_type == "application/json":
        return json.dumps(json.loads(body), indent=1, ensure_ascii=False) + "\n"
    return body.replace("\r\n", "\n")


@pytest.mark.parametrize("state", sorted(STATES))
@pytest.mark.parametrize("channel", CHANNELS)
def test_every_channel_shows_every_state(channel: str, state: str) -> None:
    made = rendered(picture(STATES[state]), channel, for_channel(channel), wiring=WIRING)
    again = rendered(picture(STATES[state]), channel, for_channel(channel), wiring=WIRING)
    assert made == again
    kind = {"application/json": "json", "text/html": "html", "message/rfc822": "eml"}
    ending = kind.get(made.media_type, "txt")
    same(f"{channel}/{state}.{ending}", shaped(made.media_type, made.body))


def changed(channel: str, **said: object) -> ResponseProfile:
    return ResponseProfile.model_validate(for_channel(channel).model_dump() | said)


@pytest.mark.parametrize(
    ("name", "profile"),
    [
        ("terse", changed("web", max_response_length="terse", artifact_policy="none")),
        ("light", changed("web", memory_load="light", allowed_modalities=["text"])),
        (
            "omitted",
            changed(
                "web",
                allowed_modalities=["text"],
                fallback={"unsupported": "omit", "hand_off_to": "email"},
            ),
        ),
        (
            "linked",
            changed("web", allowed_modalities=["text"], fallback={"unsupported": "link"}),
        ),
    ],
)
def test_a_profile_decides_what_is_shown(name: str, profile: ResponseProfile) -> None:
    made = rendered(picture(STATES["finished"]), "cli", profile, wiring=WIRING)
    same(f"profiles/{name}.txt", made.body)


def test_the_voice_is_short_and_offers_the_rest_elsewhere() -> None:
    made = rendered(picture(STATES["finished"]), "voice", for_channel("voice"))
    said = json.loads(made.body)
    assert len(said["text"]) <= 800
    assert said["hand_off"] == "email"
    assert "23 percent" in said["text"]
    assert "120000 dollars and 50 cents" in said["text"]
    for unspeakable in ("run_", "http", "019ca945", "%", "$"):
        assert unspeakable not in said["text"]


def test_progress_is_told_as_the_policy_says() -> None:
    works = picture(STATES["working"])
    told = {
        policy: rendered(works, "cli", changed("cli", progress_policy=policy)).body
        for policy in ("none", "brief_status_only", "milestones")
    }
    assert "1/3" in told["milestones"]
    assert "1/3" not in told["brief_status_only"] + told["none"]


def test_the_runs_own_profile_holds_on_its_channel_and_no_other() -> None:
    from tests.channels.given import ASKED  # noqa: PLC0415

    brief = changed("slack", name="brief", max_response_length="terse")
    known = Definitions().plus("response_profile", brief.body(), 1)
    pin = known.resolve("response_profile", "brief").published
    assert pin is not None
    run = picture((ASKED,))
    pinned = type(run)(
        **{name: getattr(run, name) for name in run.__slots__} | {"profile": pin.pin}
    )
    assert profile_for(known, "acme", "slack", None, pinned) == brief
    assert profile_for(known, "acme", "web", None, pinned) == for_channel("web")
    assert profile_for(known, "acme", "web", "brief", pinned) == brief
    with pytest.raises(NotFoundError, match="no response profile 'loud'"):
        profile_for(known, "acme", "web", "loud", pinned)


def test_a_channel_that_is_none_is_refused_with_the_nearest() -> None:
    with pytest.raises(InvalidError, match='Did you mean "slack"'):
        known_channel("slak")
    assert known_channel("browser-extension") == "browser_extension"


def test_a_hand_off_says_what_was_said_and_goes_on_from_there() -> None:
    asks = picture(STATES["question"])
    made = document_of(asks, "voice", for_channel("voice"), seen=asks.detail.seq)
    same("handoff/question_to_voice.json", shaped(*_payload("question", "voice", made.seen)))
    finished = picture(STATES["finished"])
    early = document_of(finished, "slack", for_channel("slack"), seen=3)
    assert early.seen == 3
    same("handoff/finished_to_slack.json", shaped(*_payload("finished", "slack", 3)))
    same("handoff/working_to_email.eml", shaped(*_payload("working", "email", 4)))


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_hand_off_says_the_result_once_on_every_channel(channel: str) -> None:
    run = picture(STATES["finished"])
    made = document_of(run, channel, for_channel(channel), seen=run.detail.seq)
    (before,) = made.of(Items)[:1]
    assert isinstance(before, Items)
    assert before.items == ("the goal: Assess the renewal risk of Acme", "look is done")
    said = repr([each for each in made.blocks if not isinstance(each, Card)])
    assert said.count("I found three major renewal risks") == 1
    for mark in ("model and", " ms]", "no approval needed", "artifact store"):
        assert mark not in said
    asks = picture(STATES["question"])
    for seen in (1, asks.detail.seq):
        shown = document_of(asks, channel, for_channel(channel), seen=seen)
        said = repr([each for each in shown.blocks if not isinstance(each, Card)])
        assert said.count("Which year?") == 1


def _payload(state: str, channel: str, seen: int | None) -> tuple[str, str]:
    made = rendered(picture(STATES[state]), channel, for_channel(channel), seen=seen, wiring=WIRING)
    return made.media_type, made.body
