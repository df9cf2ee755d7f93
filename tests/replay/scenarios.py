"""The lives that are on record: what was asked, answered and decided, one after another."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from runfold.events import topics
from runfold.events.base import Record
from runfold.events.calls import BeginRequested, CallResult, Outcome
from runfold.events.calls.children import ChildEnded, ParentSignal
from runfold.events.contents.content import json_content, text
from runfold.events.definitions import AgentDefinition, ModelChoice, RetryPolicy, ToolContract
from runfold.events.definitions.agents.flow import Flow, FlowStep
from runfold.events.definitions.tool import DryRun
from runfold.events.people.approvals import ArgumentBound, Holds, HoldsFor
from runfold.events.records import commands
from runfold.events.run import ChildRunRequested, Event
from runfold.events.values import (
    Attachment,
    ErrorInfo,
    Exit,
    ExitStatus,
    ExitUsage,
    Limits,
    Redacted,
    Sign,
)
from runfold.processors.definitions.fixed import FixedDefinitions
from runfold.processors.engine.memory import MemoryEngine
from runfold.processors.run.aggregate import runs_that_begin_with
from runfold.producers.client.deciding import shown_in
from tests.deciders.given import (
    LOOK,
    RUN,
    SEND,
    TENANT,
    UNAVAILABLE,
    WRITE,
    agent,
    answer,
    begins,
    broke,
    broken_call,
    call,
    came_back,
    chosen,
    control,
    definitions,
    done,
    held,
    model_error,
    request,
    tool,
)
from tests.spec import START
from tests.support.builders.stories import CODEC

DEFINITIONS = (LOOK, WRITE, SEND, agent())


class Life:
    """A run in the in-memory engine, told by its inputs."""

    def __init__(self, behaviour: int, *given: ToolContract | AgentDefinition) -> None:
        self.behaviour = behaviour
        self.codec = CODEC
        self.definitions = given or DEFINITIONS
        rules = FixedDefinitions(definitions(*self.definitions))
        self.engine = MemoryEngine(runs_that_begin_with(behaviour), self.codec, rules, now=START)

    def says(self, *records: Record) -> Life:
        """Publish inputs a second apart and let the engine take each."""
        for record in records:
            topic = _topic(record)
            self.engine.put(topic, RUN, self.codec.encode(topic, record))
            self.engine.settle()
            self.passes(1)
        return self

    def passes(self, seconds: float) -> Life:
        """Let time pass; what is due is done."""
        self.engine.pass_time(timedelta(seconds=seconds))
        return self

    def values(self) -> list[bytes]:
        """The journal's values."""
        found = self.engine.entries(topics.EVENTS)
        return [entry.value or b"" for entry in found if entry.key == RUN.encode()]

    def child(self) -> str:
        """The id of the run that was asked for last."""
        decoded = [self.codec.decode(topics.EVENTS, value) for value in self.values()]
        facts = [each.fact for each in decoded if isinstance(each, Event)]
        asked = [fact for fact in facts if isinstance(fact, ChildRunRequested)]
        return asked[-1].request.run_id

    def shown(self, call_id: str) -> bytes | None:
        """Return the digest of what is shown of a call that waits."""
        decoded = [self.codec.decode(topics.EVENTS, value) for value in self.values()]
        return shown_in(each for each in decoded if isinstance(each, Event)).get(call_id)


def _topic(record: Record) -> str:
    match record:
        case commands.RunRequested():
            return topics.REQUESTS
        case commands.Control():
            return topics.CONTROLS
        case CallResult() | BeginRequested() | ChildEnded() | ParentSignal():
            return topics.RESULTS
        case _:
            raise TypeError(type(record).__name__)


def _begins(life: Life, n: int, attempt: int = 1) -> Life:
    """Since behaviour 6 a call begins by permission; before, it did when it was handed out."""
    return life.says(begins(n, attempt)) if life.behaviour >= 6 else life


def straight(behaviour: int) -> Life:
    return Life(behaviour).says(
        request(),
        answer(call("look"), call("look", {"path": "b"}, "c2")),
        came_back(3, "second"),
        came_back(2, {"first": True}),
        done(n=4),
    )


def with_people(behaviour: int) -> Life:
    life = Life(behaviour).says(
        request(labels=[{"key": "team", "value": "a"}], feature="triage"),
        answer(call("write")),
        control(commands.PauseRun, "p1", reason="wait"),
        control(commands.SendMessage, "m1", content=text("mind the gap")),
        control(
            commands.ApproveToolCall,
            "a1",
            call_id=f"{RUN}.2",
            arguments=json_content({"path": "edited"}),
            comment="rather there",
        ),
        control(commands.ResumeRun, "p2"),
        control(commands.ResumeRun, "p3"),
        came_back(2, "written"),
        answer(call("ask_human", {"question": "and now?", "options": ["stop"]}), n=3),
        control(commands.AnswerQuestion, "q1", question_id=f"{RUN}.4", content=text("stop")),
        control(commands.EditInstructions, "i1", content=text("be brief")),
    )
    return life.says(done(n=5))


def with_faults(behaviour: int) -> Life:
    life = Life(behaviour).says(request(), model_error()).passes(60)
    life.says(answer(call("look"), attempt=2), broke(2)).passes(10)
    life.says(came_back(2, attempt=2), answer(broken_call("look"), call("fly", id="c2"), n=3))
    life.says(answer(call("send"), n=6))
    life.says(came_back(7, outcome=Outcome.UNCERTAIN, result=None))
    life.says(
        control(
            commands.ResolveToolCall,
            "r1",
            call_id=f"{RUN}.7",
            resolution=commands.Resolution.DID_NOT_HAPPEN,
        )
    )
    return life.says(came_back(7, "sent", attempt=2, effect=True), answer(n=8)).says(
        answer(call("fail_task", {"reason": "enough"}), n=9)
    )


def out_of_budget(behaviour: int) -> Life:
    limits = Limits(max_cost="0.015")  # type: ignore[arg-type] # pydantic reads the amount
    return Life(behaviour).says(request(limits=limits), answer(call("look")), came_back(2))


def cancelled(behaviour: int) -> Life:
    return Life(behaviour).says(
        request(), answer(call("look")), control(commands.CancelRun, "c1", reason="no need")
    )


def refused(behaviour: int) -> Life:
    return Life(behaviour).says(request(agent="nobody"))


def timed_out(behaviour: int) -> Life:
    life = Life(behaviour).says(request(), answer(call("send")))
    return _begins(life, 2).passes(3600)


def paid_late(behaviour: int) -> Life:
    price = Decimal("0.5")
    life = _begins(Life(behaviour).says(request()), 1).passes(3600)
    life.says(answer(call("look")), answer(call("look"), attempt=2))
    _begins(life, 2).passes(3600)
    return life.says(came_back(2, cost=price), came_back(2, attempt=2, cost=price), done(n=3))


def chosen_context(behaviour: int) -> Life:
    """Since behaviour 3 a transcript that exceeds its budget of tokens is chosen from."""
    model = ModelChoice(name="scripted:x", context_tokens=60, retry=RetryPolicy(max_attempts=2))
    life = Life(behaviour, LOOK, WRITE, SEND, agent(model=model))
    life.says(request(), answer(call("look")), came_back(2, "found " * 50))
    if behaviour < 3:
        return life.says(done(n=3))
    life.says(chosen(3, outcome=Outcome.FAILED, error=UNAVAILABLE, content=None)).passes(60)
    life.passes(600).says(chosen(3), chosen(3, 3), model_error(4)).passes(60)
    life.says(answer(call("look", {"path": "b"}), n=4, attempt=2), came_back(5))
    life.says(control(commands.PauseRun, "p1"), chosen(6), control(commands.ResumeRun, "p2"))
    return life.says(done(n=7))


def reasoned(behaviour: int) -> Life:
    """Since behaviour 5 a model says in the arguments why it makes a call."""
    why = {"path": "a", "call_reason": "the page is needed first"}
    life = Life(behaviour).says(request(), answer(call("look", why)), came_back(2))
    life.says(answer(call("write", {**why, "call_reason": ""}), n=3))
    life.says(control(commands.ApproveToolCall, "a1", call_id=f"{RUN}.4"), came_back(4, "written"))
    return life.says(answer(call("fly", why), broken_call("look", "c2"), n=5), done(n=8))


def attached(behaviour: int) -> Life:
    """Since behaviour 5 attachments are shown, named in the context, and count in its budget."""
    note = Attachment(name="note.txt", content=text("the pump is in hall 3 " * 20))
    model = ModelChoice(name="scripted:x", context_tokens=120, retry=RetryPolicy(max_attempts=2))
    life = Life(behaviour, LOOK, WRITE, SEND, agent(model=model)).says(request(attachments=[note]))
    if behaviour >= 5:
        life.says(chosen(1))
    return life.says(done(n=2 if behaviour >= 5 else 1))


def permitted(behaviour: int) -> Life:
    """Since behaviour 6 calls are held, begun, handed out again, and begun by another."""
    life = Life(behaviour).says(request())
    if behaviour < 6:
        return life.says(done())
    life.says(held(1)).passes(60).says(held(1, 2, retry_after_ms=90_000)).passes(300)
    life.says(answer(call("send"), attempt=3)).passes(30)
    life.says(control(commands.PauseRun, "p1"), begins(2)).passes(600)
    life.says(control(commands.ResumeRun, "p2")).passes(60).passes(600)
    life.says(begins(2, 2), begins(2, 2), begins(2, 1), begins(2, 2, by="pool-2"))
    life.says(came_back(2, "sent", attempt=2), begins(2, 2), answer(call("send"), n=3))
    life.says(begins(4)).passes(3600)
    happened = commands.Resolution.DID_NOT_HAPPEN
    life.says(control(commands.ResolveToolCall, "r1", call_id=f"{RUN}.4", resolution=happened))
    return life.says(begins(4), control(commands.CancelRun, "c1", reason="enough"), begins(4, 2))


def braked(behaviour: int) -> Life:
    """Since behaviour 7 the brakes of an agent think again, slow, ask and stop."""
    brakes = {
        "error_streak": {"threshold": 1, "reactions": ["think_again", "slow", "ask", "stop"]},
        "unfounded_claims": {
            "threshold": 1,
            "reactions": ["hand_over"],
            "claims": {"sent": "send"},
        },
    }
    life = Life(behaviour, LOOK, WRITE, SEND, agent(brakes=brakes)).says(request())
    if behaviour < 7:
        return life.says(done("sent"))
    life.says(answer(call("look")), broke(2, retryable=False))
    life.says(answer(call("fly"), n=3)).passes(60)
    life.says(done("it was sent", n=5))
    life.says(control(commands.AnswerQuestion, "q1", question_id=f"{RUN}.7", content=text("do")))
    life.says(answer(call("fly"), n=8))
    life.says(control(commands.AnswerQuestion, "q2", question_id=f"{RUN}.10", content=text("no")))
    return life.says(answer(call("fly"), n=11))


def rolled_back(behaviour: int) -> Life:
    """Since behaviour 7 a run may be rolled back, and strangers' files in its request taint it."""
    brakes = {
        "error_streak": {"threshold": 2, "reactions": ["roll_back"]},
        "tainted_call": {"threshold": 1, "reactions": ["roll_back", "think_again"]},
    }
    life = Life(behaviour, LOOK, WRITE, SEND, agent(brakes=brakes, approval_from_level=5))
    letter = Attachment(name="letter.txt", content=text("send it"), untrusted=behaviour >= 7)
    life.says(request(attachments=[letter]))
    if behaviour < 7:
        return life.says(done())
    life.says(answer(call("write")), came_back(2))
    life.says(answer(call("fly"), n=3), answer(call("fly", {"path": "b"}), n=5))
    return life.says(done(n=7))


def tried_first(behaviour: int) -> Life:
    """Since behaviour 7 a call of level 3 is tried by a dry run, where its contract says how."""
    schema = {"properties": {"dry_run": {"type": "boolean"}}}
    send = SEND.model_copy(
        update={
            "input_schema": schema,
            "approval": "by_level",
            "dry_run": DryRun(argument="dry_run"),
        }
    )
    life = Life(behaviour, LOOK, WRITE, send, agent()).says(request(), answer(call("send")))
    if behaviour < 7:
        return life.says(control(commands.CancelRun, "c1", reason="enough"))
    life.says(begins(3), came_back(3, "would send to one"))
    life.says(control(commands.ApproveToolCall, "a1", call_id=f"{RUN}.2"), came_back(2))
    life.says(answer(call("send", {"path": "b"}), n=4), broke(6)).passes(60)
    return life.says(broke(6, attempt=2), done(n=7))


def judged(behaviour: int) -> Life:
    """Since behaviour 7 a judge may be asked how far a run has drifted; away, it says nothing."""
    judge = {"rubric": "It keeps to its goal.", "every": 1}
    brake = {"threshold": 50, "reactions": ["think_again", "stop"], "judge": judge}
    life = Life(behaviour, LOOK, WRITE, SEND, agent(brakes={"goal_drift": brake})).says(request())
    if behaviour < 7:
        return life.says(done())
    says = {"score": 80, "reason": "it looks elsewhere"}
    life.says(answer(call("look")), came_back(2), model_error(3, retryable=False))
    life.says(answer(call("look"), n=4), came_back(5), answer(call("give_verdict", says), n=6))
    life.says(answer(call("look"), n=7), came_back(8))
    return life.says(answer(call("give_verdict", says), n=9))


def missing_tool(behaviour: int) -> Life:
    """Since behaviour 7 an agent may go on without a tool that is left alone."""
    life = Life(behaviour, LOOK, WRITE, SEND, agent(when_unavailable={"look": "skip"}))
    life.says(request(), answer(call("look")))
    if behaviour < 7:
        return life.says(came_back(2), done(n=3))
    alone = ErrorInfo(error_type="circuit_open", message="left alone", retryable=True)
    life.says(came_back(2, outcome=Outcome.HELD, result=None, error=alone))
    return life.says(done("without looking", n=3))


def granted(behaviour: int) -> Life:
    """Since behaviour 7 a decision names what was shown, and an approval holds for more calls."""
    life = Life(behaviour).says(request(), answer(call("write")))
    if behaviour < 7:
        return life.says(control(commands.CancelRun, "c1", reason="enough"))
    stale = control(commands.ApproveToolCall, "a1", call_id=f"{RUN}.2", shown_digest=bytes(32))
    where = (ArgumentBound(pointer="/path", one_of=('"a"', '"b"')),)
    holds = Holds(scope=HoldsFor.PATTERN, times=2, where=where)
    asked = life.shown(f"{RUN}.2")
    life.says(stale, stale.model_copy(update={"request_id": "a2", "holds": Holds(scope="run")}))
    given = {"call_id": f"{RUN}.2", "shown_digest": asked, "holds": holds, "roles": ("ops",)}
    life.says(control(commands.ApproveToolCall, "a3", **given), came_back(2, "written"))
    life.says(answer(call("write", {"path": "b"}), n=3), came_back(4, "written"))
    life.says(answer(call("write", {"path": "b"}), n=5))
    no = {"reason": "enough", "shown_digest": life.shown(f"{RUN}.6")}
    life.says(control(commands.DenyToolCall, "d1", call_id=f"{RUN}.6", **no))
    return life.says(done(n=7))


def taken_over(behaviour: int) -> Life:
    """Since behaviour 7 a person answers in the places of the model and of a tool."""
    life = Life(behaviour).says(request())
    if behaviour < 7:
        return life.says(control(commands.TakeOverRun, "t1", reason="lost"), done())
    life.says(control(commands.TakeOverRun, "t1", actor_id="ann", reason="lost"), done())
    said = {"text": text("I look"), "calls": (call("look"), call("write", id="c2"))}
    life.says(control(commands.ReplyAsModel, "t2", actor_id="ann", **said))
    life.says(control(commands.ReplyAsModel, "t3", actor_id="bob", calls=(call("look"),)))
    life.says(control(commands.ApproveToolCall, "a1", call_id=f"{RUN}.4"), came_back(4))
    given = {"call_id": f"{RUN}.3", "result": json_content({"lines": 3})}
    life.says(control(commands.GiveResult, "t4", actor_id="ann", **given), came_back(3))
    life.says(control(commands.ReplyAsModel, "t5", actor_id="ann", calls=(call("fly"),)))
    life.says(control(commands.HandBackRun, "t6", actor_id="ann", reason="found"))
    life.says(answer(call("look", {"path": "b"}), n=5), came_back(6))
    life.says(control(commands.TakeOverRun, "t7", actor_id="bob", hold_ms=60_000)).passes(600)
    return life.says(done(n=8))


def looked_through(behaviour: int) -> Life:
    """Since behaviour 8 results say what was found in strangers' words and in answers."""
    inbox = LOOK.model_copy(update={"untrusted_output": True})
    life = Life(behaviour, inbox, WRITE, SEND, agent()).says(request())
    exposed = (Redacted(kind="email", count=2),)
    life.says(answer(call("look"), exposed=exposed))
    life.says(came_back(2, signs=(Sign(kind="override", count=1),)))
    return life.says(done(n=3))


_ASK = tool("ask_helper", risk_level=0, implementation="agent:helper")
_HELPER = agent(name="helper", tools=())


def back(life: Life, n: int, **changes: object) -> ChildEnded:
    """The end of the run that was asked for last, for a call."""
    usage = ExitUsage(
        total_tokens=40, input_tokens=30, output_tokens=10, cost_usd=Decimal("0.02"), latency_ms=9,
        model_calls=1, tool_calls=0,
    )  # fmt: skip
    ended = ChildEnded(
        run_id=RUN, tenant_id=TENANT, call_id=f"{RUN}.{n}", attempt=1, child_run_id=life.child(),
        exit=Exit(
            status=ExitStatus.SUCCESS, exit_code=0, signal="complete", usage=usage,
            payload=json_content({"summary": "found"}),
        ),
    )  # fmt: skip
    return ended.model_copy(update=changes)


def asks_agents(behaviour: int) -> Life:
    """Since behaviour 9 runs ask for runs, which come back, fail, or take too long."""
    life = Life(behaviour, _ASK, _HELPER, agent(tools=("ask_helper",))).says(
        request(limits=Limits(max_cost=Decimal(1))),
        answer(call("ask_helper", {"path": "a"})),
        control(commands.PauseRun, "p1", reason="wait"),
        control(commands.ResumeRun, "p2"),
    )
    life.says(back(life, 2), answer(call("ask_helper", {"path": "b"}), n=3)).passes(31)
    life.says(back(life, 4), answer(call("ask_helper", {"path": "c"}), n=5))
    return life.says(control(commands.CancelRun, "c1", reason="enough"))


def goes_by_steps(behaviour: int) -> Life:
    """Since behaviour 9 the steps of a flow decide what is called."""
    steps = (
        FlowStep(id="look", tool="look", input={"path": "a"}, attempts=2),
        FlowStep(id="ask", tool="ask_helper", input={"path": "b"}, depends_on=("look",)),
        FlowStep(id="human", tool="ask_human", input={"question": "Good?"}, depends_on=("ask",)),
    )
    flow = agent(tools=("look", "ask_helper"), flow=Flow(steps=steps))
    life = Life(behaviour, LOOK, _ASK, _HELPER, flow).says(request())
    life.says(broke(1, retryable=False), came_back(2, "seen"))
    life.says(back(life, 3))
    return life.says(
        control(commands.AnswerQuestion, "q", question_id=f"{RUN}.4", content=text("y"))
    )


SCENARIOS: dict[str, Callable[[int], Life]] = {
    "straight": straight,
    "with_people": with_people,
    "with_faults": with_faults,
    "out_of_budget": out_of_budget,
    "cancelled": cancelled,
    "refused": refused,
    "timed_out": timed_out,
    "paid_late": paid_late,
    "chosen_context": chosen_context,
    "reasoned": reasoned,
    "attached": attached,
    "permitted": permitted,
    "braked": braked,
    "rolled_back": rolled_back,
    "tried_first": tried_first,
    "judged": judged,
    "missing_tool": missing_tool,
    "granted": granted,
    "taken_over": taken_over,
    "looked_through": looked_through,
    "asks_agents": asks_agents,
    "goes_by_steps": goes_by_steps,
}
