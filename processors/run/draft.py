"""A decision in the making: the facts said so far, folded as they are said."""

from __future__ import annotations

from collections.abc import Callable

from runfold.events import run as j
from runfold.events.base import Fact
from runfold.events.definitions import AgentDefinition, ToolContract
from runfold.events.people.origin import Origin
from runfold.events.people.proved import Proved
from runfold.processors.engine.aggregate import Env, NotKnownYetError
from runfold.processors.run import behaviour as behaviours
from runfold.processors.run import wording
from runfold.processors.run.evolve import evolve
from runfold.processors.run.state import Live, RunState

IsPriced = Callable[[str], bool]
"""Whether the price of a model, ``provider:model``, is known where a run begins."""


Resolve = Callable[[str], str]
"""What a model's name stands for where the decision is made, ``provider:model``."""


def as_named(name: str) -> str:
    """Take every name for that of a model."""
    return name


def every_model(_name: str) -> bool:
    """Take the price of every model for known."""
    return True


class DefinitionMissingError(NotKnownYetError):
    """A pinned definition is not in the store: the topic ``registry`` lost what a run relies on."""


class Draft:
    """Collects the facts of one decision; ``state`` is the state after all of them.

    ``steps`` holds each fact with the state after it.
    """

    def __init__(
        self,
        state: RunState | None,
        env: Env,
        begins_with: int = behaviours.CURRENT,
        is_priced: IsPriced = every_model,
        resolve: Resolve = as_named,
        proof: Proved | None = None,
        origin: Origin | None = None,
    ) -> None:
        """Begin with the state before the decision; a run that begins takes ``begins_with``.

        ``proof`` goes on record with the first fact that can hold it: that of who asked. So does
        ``origin``, that of a control; a request's is in the request.
        """
        self.is_priced = is_priced
        self.resolve = resolve
        self.state = state
        self.env = env
        self.behaviour = state.behaviour if isinstance(state, Live) else begins_with
        self.steps: list[tuple[Fact, RunState]] = []
        self._proof = proof if self.behaviour >= behaviours.BY_CREDENTIAL else None
        self._origin = origin if self.behaviour >= behaviours.BY_ORIGIN else None
        self._agent: AgentDefinition | None = None

    def say(self, fact: Fact) -> None:
        """Add a fact and fold it."""
        if self._proof is not None and "proof" in type(fact).model_fields:
            fact = fact.model_copy(update={"proof": self._proof})
            self._proof = None
        if self._origin is not None and "origin" in type(fact).model_fields:
            fact = fact.model_copy(update={"origin": self._origin})
            self._origin = None
        self.state = evolve(self.state, fact, self.env.now)
        self.steps.append((fact, self.state))

    def deny(self, call_id: str, code: str, reason: str) -> None:
        """Deny a call; ``reason`` is what the model reads, ``code`` what is counted by."""
        self.say(
            j.ToolCallDenied(
                call_id=call_id, reason=reason, code=code if self.behaviour >= 5 else None
            )
        )

    def people(self, code: str, **parameters: wording.Parameter) -> str:
        """Return a text of a fact that people read."""
        return wording.for_people(self.behaviour, code, **parameters)

    def model(self, code: str, **parameters: wording.Parameter) -> str:
        """Return a text of a fact that the model reads."""
        return wording.for_model(self.behaviour, code, **parameters)

    @property
    def run(self) -> Live:
        """The live run; only where the decision has not ended it."""
        if not isinstance(self.state, Live):
            raise TypeError("the run has ended or has not begun")
        return self.state

    def has_ended(self) -> bool:
        """Whether the run is over."""
        return self.state is not None and not isinstance(self.state, Live)

    def agent(self) -> AgentDefinition:
        """Return the run's pinned agent; it stays the same throughout a decision."""
        if self._agent is None:
            pin = self.run.agent
            self._agent = self.env.definitions.agent(pin.name, pin.version, self.run.tenant_id)
            if self._agent is None:
                raise DefinitionMissingError(
                    f"agent {pin.name}@{pin.version} is not in the registry"
                )
        return self._agent

    def tool(self, name: str) -> ToolContract | None:
        """Return the contract of a tool that the run has pinned, by the name its agent uses."""
        pin = next((pin for pin in self.run.pinned.tools if pin.name == name), None)
        if pin is None:
            return None
        return self.env.definitions.tool(pin.name, pin.version, self.run.tenant_id)

    def contract(self, name: str) -> ToolContract:
        """Return the contract of a tool that a call of the run uses."""
        found = self.tool(name)
        if found is None:
            raise DefinitionMissingError(
                f"tool {name} of run {self.run.run_id} is not in the registry"
            )
        return found

    def next_call_id(self) -> str:
        """Return the id of the next call: ``run_id.n``."""
        return f"{self.run.run_id}.{self.run.next_call}"
