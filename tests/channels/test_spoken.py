"""What is said aloud: numbers as people say them, nothing that cannot be spoken."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from runfold.events.definitions.agents.built_in_profiles import for_channel
from runfold.surfaces.channels.adapters.spoken import is_speakable, spoken, ssml
from runfold.surfaces.channels.inbound.intents import Decide, Inbound, Reply, Unclear
from runfold.surfaces.channels.rendering import adapter_of, rendered
from tests.channels.given import ASKED, STATES, picture
from tests.deciders.given import SEND, answer, call


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("$0.05", "5 cents"),
        ("$1", "1 dollar"),
        ("$1,204.50", "1204 dollars and 50 cents"),
        ("$0.0004", "less than one cent"),
        ("$0.00", "no dollars"),
        ("€2.01 of £3", "2 euros and 1 cent of 3 pounds"),
        ("23% of 1,204,000", "23 percent of 1204000"),
        ("run_019ca945-0a00-7000-8000-000000000001.2 ended", "an id ended"),
        ("commit 3f2a9c0d1e77 is in", "commit is in"),
        ("sent to 019ca945-0a00-7000-8000-000000000001", "sent to an id"),
        ("done [1 model and 0 tool calls]. Next [2, 3]", "done. Next"),
        ("the text [in brackets] stays", "the text [in brackets] stays"),
        ("see [the page](https://x.example/a) or https://y.example", "see the page or a link"),
        ("# Title\n- **one**\n2. two", "Title one two"),
        ("key sk-live-0a1b2c3d4e5f6g7h", "key"),
        ("the decade and the facade", "the decade and the facade"),
        ("a\x00b\x1bc\ud800d", "a b c d"),
    ],
)
def test_a_text_is_read_as_people_say_it(text: str, said: str) -> None:
    assert spoken(text) == said


def test_ssml_is_well_formed_whatever_is_said() -> None:
    made = ssml(["</s></speak><audio src='x'/> & <break/> \x01 \ud800.", "And more? Yes."])
    tree = ET.fromstring(made)
    assert [each.tag for each in tree.iter()] == ["speak", "p", "s", "s", "s"]


@pytest.mark.parametrize(
    "text", ["a 019ca945-0a00-7000-8000-000000000001", "https://x.y", "cut…", "a [1]"]
)
def test_what_cannot_be_said_whole_is_known(text: str) -> None:
    assert not is_speakable(text)
    assert is_speakable("notes and 12 dollars")


def voice(arguments: dict[str, object], tool: str = "write") -> dict[str, object]:
    run = picture((ASKED, answer(call(tool, arguments))))
    found: dict[str, object] = json.loads(rendered(run, "voice", for_channel("voice")).body)
    return found


def test_what_cannot_be_heard_whole_is_not_decided_by_ear() -> None:
    assert voice({"path": "notes"})["expects"]
    for arguments in (
        {"path": "https://evil.example/x"},
        {"path": "a", "b": 1, "c": 2, "d": 3},
        {"path": "word " * 200},
        {"path": "019ca945-0a00-7000-8000-000000000001"},
    ):
        made = voice(arguments)
        assert made["expects"] is None
        assert "on a screen" in str(made["text"])


def test_a_dangerous_call_is_not_decided_by_ear() -> None:
    risky = SEND.model_copy(update={"approval": "always"})
    from runfold.events.definitions import Definitions  # noqa: PLC0415
    from runfold.surfaces.channels.composing.picture import picture_of  # noqa: PLC0415
    from tests.deciders.given import LOOK, WRITE, agent  # noqa: PLC0415
    from tests.support.builders.stories import Recorder  # noqa: PLC0415

    known = Definitions()
    for at, each in enumerate((LOOK, WRITE, risky, agent()), 1):
        known = known.plus("agent" if each.name == "worker" else "tool", each.body(), at)
    recorder = Recorder(known)
    for step in (ASKED, answer(call("send", {"path": "a"}))):
        recorder.take(step, ASKED.requested_at)
    run = picture_of([event for _, event in recorder.written])
    assert run is not None
    assert run.detail.waits_for
    made = json.loads(rendered(run, "voice", for_channel("voice")).body)
    assert made["expects"] is None


@pytest.mark.parametrize(
    "heard", ["maybe", "yes but no", "yes I know", "approve the other one", ""]
)
def test_only_a_plain_yes_or_no_decides(heard: str) -> None:
    expects = voice({"path": "notes"})["expects"]
    body = json.dumps({"transcript": heard, "expects": expects}).encode()
    assert isinstance(adapter_of("voice").read(Inbound(body)).intent, Unclear)


@pytest.mark.parametrize(
    ("heard", "approves"), [("Yes.", True), ("yes, please", True), ("No!", False)]
)
def test_a_plain_yes_or_no_decides(heard: str, approves: bool) -> None:
    expects = voice({"path": "notes"})["expects"]
    body = json.dumps({"transcript": heard, "expects": expects}).encode()
    intent = adapter_of("voice").read(Inbound(body)).intent
    assert isinstance(intent, Decide)
    assert intent.approves is approves


def test_an_answer_is_taken_as_it_was_heard() -> None:
    run = picture((ASKED, answer(call("ask_human", {"question": "Which year?"}))))
    made = json.loads(rendered(run, "voice", for_channel("voice")).body)
    body = json.dumps({"transcript": "the last one", "expects": made["expects"]}).encode()
    intent = adapter_of("voice").read(Inbound(body)).intent
    assert isinstance(intent, Reply)
    assert intent.text == "the last one"


HANDED = {
    "finished": (
        "Already said: the goal: Assess the renewal risk of Acme; look is done. I found three",
        "Shall I send the whole answer by email?",
    ),
    "failed": (
        "Already said: the goal: Assess the renewal risk of Acme; look is done. Worker has failed.",
        "Shall I send the file by email?",
    ),
    "approval": (
        "Already said: the goal: Assess the renewal risk of Acme. May I run write, with body risks",
        "Please say yes or no.",
    ),
    "question": ("Already said: the goal", "of Acme. Which year? You can say 2026 or 2027."),
    "working": ("Already said: the goal", "of Acme. Worker is working."),
}
"""How it begins and ends, when a run is handed to the voice that was shown elsewhere until now."""


@pytest.mark.parametrize("state", sorted(STATES))
def test_a_run_is_handed_to_the_voice_as_a_person_would_say_it(state: str) -> None:
    run = picture(STATES[state])
    begins, ends = HANDED[state]
    for seen in (run.detail.seq, 3, 1):
        made = rendered(run, "voice", for_channel("voice"), seen=seen).body
        text = json.loads(made)["text"]
        # Nothing for the eye: ids, brackets, codes, times, and how much of what was used.
        for mark in ("[", "]", "#", "_", " ms", "calls", "risk level", "019ca945", "may run"):
            assert mark not in text, text
        for sentence in ("Which year?", "May I run", "I found three major", "no access to the"):
            assert text.count(sentence) <= 1, text
    last = json.loads(rendered(run, "voice", for_channel("voice"), seen=run.detail.seq).body)[
        "text"
    ]
    assert last.startswith(begins), last
    assert last.endswith(ends), last
