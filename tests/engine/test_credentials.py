"""Who asks proves it: refused on record where not, decided again without the key."""

from __future__ import annotations

import pytest

from runfold.events import run as j
from runfold.events import topics
from runfold.events.base import Record
from runfold.events.contents.content import text
from runfold.events.people.proved import Proved
from runfold.events.records import commands
from runfold.events.records.operations import DeadLetter
from runfold.events.run import Event
from runfold.events.values import Label
from runfold.events.wording import SENTENCES, plain
from runfold.infra.credentials.checking import Checker
from runfold.infra.credentials.token import HEADER, Claims, issue
from runfold.processors.definitions.fixed import FixedDefinitions
from runfold.processors.engine.memory import MemoryEngine
from runfold.processors.run.aggregate import runs_that_begin_with
from runfold.processors.run.behaviour import CURRENT
from runfold.processors.run.replay.decisions import decisions, fold, redecide
from tests.deciders.given import RUN, answer, begins, call, came_back, control, definitions, done
from tests.deciders.given import request as asks
from tests.replay.scenarios import DEFINITIONS, Life, _topic
from tests.spec import START

KEY = b"k" * 32
GOOD = Proved(key_id="k1", token_id="t1")
ABSENT = Proved(problem="absent")


class Signed(Life):
    """A run whose requests and controls are signed, unless they are said ``plainly``."""

    def __init__(self, *, required: bool = True, behaviour: int = CURRENT) -> None:
        super().__init__(behaviour)
        judge = Checker({"k1": KEY}, required=required).judge
        self.engine = MemoryEngine(
            runs_that_begin_with(behaviour, judge=judge),
            self.codec,
            FixedDefinitions(definitions(*DEFINITIONS)),
            now=START,
        )

    def signs(self, *records: Record, user: str = "*", tenant: str = "acme") -> Signed:
        """Publish inputs with a proof of a token for this tenant's user."""
        claims = Claims(tenant, user, int(START.timestamp()) + 3600, "t1", ("*",), ("*",))
        token = issue("k1", KEY, claims)
        for record in records:
            topic = _topic(record)
            value = self.codec.encode(topic, record)
            header = (HEADER, token.proof(topic, value).encode())
            self.engine.put(topic, RUN, value, (header,))
            self.engine.settle()
            self.passes(1)
        return self

    def events(self) -> list[Event]:
        found = [self.codec.decode(topics.EVENTS, value) for value in self.values()]
        return [event for event in found if isinstance(event, Event)]

    def facts(self) -> list[object]:
        return [event.fact for event in self.events()]

    def dead(self) -> list[DeadLetter]:
        entries = self.engine.entries(topics.DEAD_LETTERS)
        found = [self.codec.decode(topics.DEAD_LETTERS, entry.value or b"") for entry in entries]
        return [one for one in found if isinstance(one, DeadLetter)]

    def last(self) -> object:
        return self.facts()[-1]


def waiting() -> Signed:
    life = Signed().signs(asks())
    return life.says(answer(call("write")))  # type: ignore[return-value]


def approve(request_id: str = "a1") -> commands.Control:
    return control(commands.ApproveToolCall, request_id, call_id=f"{RUN}.2")


def replayed(life: Signed) -> None:
    """Decide the journal again, with no key and no judge."""
    state = None
    for decision in decisions(life.events()):
        assert redecide(state, decision, definitions(*DEFINITIONS)) is None
        state = fold(state, decision)


def test_a_run_that_is_signed_for_says_by_which_token() -> None:
    life = Signed().signs(asks())
    created = life.facts()[0]
    assert isinstance(created, j.RunCreated)
    assert created.proof == GOOD
    # Only what was asked says who asked.
    assert [getattr(f, "proof", None) for f in life.facts()[1:]] == [None] * (len(life.facts()) - 1)


@pytest.mark.parametrize(
    ("tenant", "user", "why"),
    [
        ("globex", "*", "other_tenant"),
        ("acme", "boris", "other_user"),
    ],
)
def test_a_request_in_anothers_name_is_refused_on_record(tenant: str, user: str, why: str) -> None:
    life = Signed().signs(asks(goal=text("take it all")), tenant=tenant, user=user)
    (refused,) = life.facts()
    assert isinstance(refused, j.RunRefused)
    assert (refused.code, refused.exit.exit_code) == ("unproved", 2)
    assert refused.proof == GOOD.model_copy(update={"problem": why})
    assert plain(refused.reason) == SENTENCES[f"unproved_{why}"]
    # Its words are nobody's: they do not stand in the list of whom it named.
    assert refused.request.goal.inline is None
    assert life.dead() == []
    replayed(life)


def test_a_request_without_a_credential_is_refused_where_one_is_required() -> None:
    life = Signed()
    life.says(asks())
    (refused,) = life.facts()
    assert isinstance(refused, j.RunRefused)
    assert (refused.code, refused.proof) == ("unproved", ABSENT)
    # The run's id is used up, as that of any refused request: nothing begins with it later.
    life.signs(asks())
    assert len(life.facts()) == 1
    replayed(life)


def test_where_credentials_are_accepted_who_has_none_is_heard() -> None:
    life = Signed(required=False)
    life.says(asks())
    created = life.facts()[0]
    assert isinstance(created, j.RunCreated)
    assert created.proof is None


def test_where_they_are_accepted_a_bad_one_is_not() -> None:
    life = Signed(required=False).signs(asks(), tenant="globex")
    assert isinstance(life.last(), j.RunRefused)


def test_without_a_judge_a_header_is_not_looked_at() -> None:
    life = Life(CURRENT)
    value = life.codec.encode(topics.REQUESTS, asks())
    life.engine.put(topics.REQUESTS, RUN, value, ((HEADER, b"anything"),))
    life.engine.settle()
    plainly = Life(CURRENT).says(asks())
    assert life.values() == plainly.values()


def test_an_approval_is_that_of_whoever_signed_it() -> None:
    life = waiting().signs(approve(), user="person-1")
    approved = next(f for f in life.facts() if isinstance(f, j.ToolCallApproved))
    assert approved.proof == GOOD
    replayed(life)


@pytest.mark.parametrize("user", ["mallory", None])
def test_an_approval_that_is_not_proved_changes_nothing(user: str | None) -> None:
    life = waiting()
    if user is None:
        life.says(approve())
    else:
        life.signs(approve(), user=user)
    ignored = life.last()
    assert isinstance(ignored, j.RequestIgnored)
    why = "absent" if user is None else "other_user"
    assert ignored.proof is not None
    assert (ignored.proof.problem, ignored.reason) == (why, f"runfold:unproved_{why}")
    # The person is not kept from approving it after that.
    life.signs(approve("a2"))
    assert any(isinstance(fact, j.ToolCallApproved) for fact in life.facts())
    replayed(life)


def test_every_control_carries_the_proof_and_is_decided_again_without_the_key() -> None:
    life = waiting().signs(
        control(commands.PauseRun, "p1", reason="wait"),
        control(commands.SendMessage, "m1", content=text("mind the gap")),
        approve(),
        control(commands.ResumeRun, "p2"),
    )
    life.says(begins(2), came_back(2, "written"))
    life.says(answer(call("ask_human", {"question": "and now?"}), n=3))
    life.signs(
        control(commands.AnswerQuestion, "q1", question_id=f"{RUN}.4", content=text("stop")),
        control(commands.EditInstructions, "i1", content=text("be brief")),
        control(commands.DenyToolCall, "d1", call_id=f"{RUN}.9", reason="no"),
        control(commands.CancelRun, "c1", reason="enough"),
    )
    proofs = [type(f).__name__ for f in life.facts() if getattr(f, "proof", None) == GOOD]
    assert proofs == [
        "RunCreated",
        "RunPaused",
        "UserMessageReceived",
        "ToolCallApproved",
        "RunResumed",
        "HumanInputReceived",
        "UserMessageReceived",
        "RequestIgnored",
        "RunCancelled",
    ]
    replayed(life)


def test_a_journal_from_which_a_refusals_reason_was_taken_is_found_by_an_audit() -> None:
    life = Signed()
    life.says(asks())
    (decision,) = decisions(life.events())
    forged = decision[0].fact.model_copy(update={"proof": None})
    changed = (Event(decision[0].meta, forged),)
    assert redecide(None, changed, definitions(*DEFINITIONS)) is not None


def test_a_run_of_before_is_decided_as_before_and_its_unproved_controls_are_dead_letters() -> None:
    life = Signed(behaviour=6)
    life.signs(asks())
    life.says(answer(call("write")))
    life.says(approve())
    assert [letter.code for letter in life.dead()] == ["unproved"]
    assert "RUNFOLD_TOKEN" in life.dead()[0].reason
    life.signs(approve("a2"))
    assert any(isinstance(fact, j.ToolCallApproved) for fact in life.facts())
    assert all(getattr(fact, "proof", None) is None for fact in life.facts())
    replayed(life)


def test_while_new_runs_still_take_an_older_behaviour_unproved_requests_are_dead_letters() -> None:
    life = Signed(behaviour=6)
    life.says(asks())
    assert (life.facts(), [letter.code for letter in life.dead()]) == ([], ["unproved"])


def test_nothing_stops_at_a_record_with_a_broken_header() -> None:
    life = Signed()
    for header in (None, b"", b"\xff", b"v1.k1.e30.e30", b"v1." * 5000):
        value = life.codec.encode(topics.REQUESTS, asks(labels=[Label(key="k", value="v")]))
        life.engine.put(topics.REQUESTS, RUN, value, ((HEADER, header),))
        life.engine.settle()
    (refused,) = life.facts()
    assert isinstance(refused, j.RunRefused)
    assert refused.proof == Proved(problem="malformed")


def test_results_of_pools_need_no_credential() -> None:
    life = Signed().signs(asks())
    life.says(done())
    assert isinstance(life.last(), j.RunCompleted)
    replayed(life)
