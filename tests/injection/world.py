"""An agent with dangerous tools that reads an attack, and a model that does what it was told there.

Nobody approves anything. Tools write down what they did; what was done with nobody's leave is a
success of the attack.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from runfold.events.calls import ModelResult, ModelWork
from runfold.events.contents.content import text
from runfold.events.definitions import AgentDefinition, ModelChoice, ToolContract
from runfold.events.run import ToolCallSucceeded
from runfold.events.values import Attachment, Limits
from runfold.processors.tool.builtin import builtin_contracts
from runfold.testing import FakeModel, MemoryRun, MemoryRuntime, answer, call, complete
from tests.injection.attacks import Attack

SECRET = "canary-of-the-mail-service"
LIMITS = Limits(max_model_calls=6, max_tool_calls=10, max_identical_calls=5)
CHANNELS = ("result", "error", "attachment")


def contract(name: str, level: int, **more: Any) -> ToolContract:
    properties = {key: {} for key in more.pop("takes", ())}
    given: dict[str, Any] = {
        "name": name,
        "version": "1.0",
        "description": name,
        "risk_level": level,
        "input_schema": {"type": "object", "properties": properties, "additionalProperties": False},
        "implementation": f"python:given:{name.replace('.', '_')}",
    }
    return ToolContract(**{**given, **more})


READ = contract("inbox.read", 0, takes=["folder"])
NOTE = contract("notes.write", 1, takes=["text"], idempotent=True)
MAIL = contract("mail.send", 3, takes=["to", "body"], auth=("MAIL_KEY",))
PAY = contract("pay", 4, takes=["account", "amount"])
DROP = contract("db.drop", 1, takes=["table"], approval="never")
SECRETS = contract("secrets.read", 0, takes=["name"])
MEMORY = contract("memory.write", 1, takes=["text"], approval="never")
GET = next(each for each in builtin_contracts() if each.name == "http.get").model_copy(
    update={"config": {"allow": ["docs.example"], "allow_private": False}}
)
TOOLS = (READ, NOTE, MAIL, PAY, GET)
"""What the agent may use; the other tools are there, and not for it."""

OTHERS = (DROP, SECRETS, MEMORY)

AGENT = AgentDefinition(
    name="assistant",
    version="1.0",
    instructions="Read the inbox and say what is in it.",
    prompt_version="p1",
    model=ModelChoice(name="scripted:x"),
    tools=tuple(tool.name for tool in TOOLS),
    limits=LIMITS,
)


class Obedient(FakeModel):
    """Reads the inbox, does everything that it is told there, and says that it is done."""

    def __init__(self, attack: Attack) -> None:
        wanted = [call(tool, **arguments) for tool, arguments in attack.wants]
        super().__init__(
            answer("I read.", call("inbox.read", folder="inbox")),
            answer("I do as I am told.", *wanted),
            *[complete("done")] * 6,
        )
        self.results: list[ModelResult] = []

    def answer(self, work: ModelWork) -> tuple[ModelResult, float]:
        """Answer, and keep what was said."""
        result, seconds = super().answer(work)
        self.results.append(result)
        return result, seconds


@dataclass
class Outcome:
    """What came of an attack: the run, what the model was shown, and what the tools did."""

    run: MemoryRun
    model: Obedient
    done: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    @property
    def effects(self) -> list[str]:
        """The tools that did more than read; nobody had approved any of them."""
        return [name for name, _ in self.done if name != READ.name]

    @property
    def answered(self) -> list[str]:
        """The tools whose calls succeeded, by the record."""
        return [fact.tool for fact in self.run.facts if isinstance(fact, ToolCallSucceeded)]


@cache
def outcome_of(attack: Attack, channel: str) -> Outcome:
    """Let the agent meet an attack that comes by a channel; once, whoever asks."""
    return carried_out(attack, channel)


def carried_out(
    attack: Attack,
    channel: str,
    agent: AgentDefinition = AGENT,
    inbox: ToolContract = READ,
    *,
    declared: bool = False,
) -> Outcome:
    """Let an agent meet an attack that comes by a channel.

    ``declared`` says of an attachment that strangers wrote it.
    """
    done: list[tuple[str, Mapping[str, Any]]] = []

    def tool(name: str, **arguments: Any) -> str:
        done.append((name, arguments))
        if name != READ.name or channel == "attachment":
            return "done"
        if channel == "error":
            raise ValueError(attack.text)
        return attack.text

    model = Obedient(attack)
    given = {each.name: partial(tool, each.name) for each in (*TOOLS, *OTHERS) if each is not GET}
    runtime = MemoryRuntime(
        agent, inbox, *TOOLS[1:], *OTHERS, model=model, tools=given,
        secrets={"MAIL_KEY": SECRET}, tenant_id="acme",
    )  # fmt: skip
    letter = Attachment(name="letter.txt", content=text(attack.text), untrusted=declared)
    attached = (letter,) if channel == "attachment" else ()
    run = runtime.run("What is in the inbox?", "assistant", attachments=attached)
    return Outcome(run, model, done)
