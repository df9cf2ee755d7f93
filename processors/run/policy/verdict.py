"""What policies decide of an action: permitted or not, by which rules, and on which condition."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from runfold.events.contents.content import Content
from runfold.events.definitions import AgentDefinition, ToolContract
from runfold.events.definitions.levels import LEVELS
from runfold.processors.run.policy.cedar import request as asking
from runfold.processors.run.policy.cedar import terms
from runfold.processors.run.policy.cedar.engine import Answer, ParsedSet, Rule, Says
from runfold.processors.run.policy.cedar.request import Asked, Circumstances
from runfold.processors.run.policy.cedar.values import UnjudgeableError, arguments_of, shown

DENIED_FROM = min(level.number for level in LEVELS if level.permit)
"""The risk level from which a call needs a permit, where policies are in force."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether policies let an action pass; ``code`` names the reason, with its parameters.

    ``asked`` is the question that decided, None where it could not even be asked. ``approval`` is
    what the permits say of a person's approval: ``always``, ``never``, or nothing.
    """

    permitted: bool
    code: str
    parameters: Mapping[str, str | int] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    asked: Asked | None = None

    @property
    def for_people(self) -> tuple[str, dict[str, str | int]]:
        """The code of the reason as people read it, and its parameters."""
        told = {name: value for name, value in self.parameters.items() if value != ""}
        return (f"{self.code}_because" if "why" in told else self.code), told

    @property
    def for_model(self) -> tuple[str, dict[str, str | int]]:
        """The code of the refusal as the model reads it, and its parameters."""
        why = str(self.parameters.get("why", "")).rstrip(".")
        return self.code, {**self.parameters, "why": f": {why}" if why else ""}

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the rules that decided, each once."""
        return tuple(dict.fromkeys(each.id for each in self.rules))

    @property
    def approval(self) -> str:
        """What the permits ask for; who asks for an approval is heard before who lifts it."""
        permits = [each for each in self.rules if not each.forbids]
        said = {each.annotations.get("approval") for each in permits}
        if "always" in said or any(terms.number_of(each) > 1 for each in permits):
            return "always"
        return "never" if "never" in said else ""

    @property
    def dry_run(self) -> str:
        """What the permits ask for of a dry run before the call, in the same order."""
        said = {each.annotations.get("dry_run") for each in self.rules if not each.forbids}
        return "always" if "always" in said else "never" if "never" in said else ""


def on_call(
    policies: ParsedSet,
    agent: AgentDefinition,
    contract: ToolContract,
    arguments: Content,
    circumstances: Circumstances,
) -> Verdict:
    """Return whether a tool may be called with these arguments.

    A forbid holds whether it speaks of the tool or of the action that the contract names. A permit
    must speak of that action, or of the tool where the contract names none; without an action,
    tools below level 2 need none.
    """
    try:
        looks = contract.policy is not None or contract.policy_arguments
        given = arguments_of(arguments) if looks else {}
        seen = shown(contract, given)
        whole = asking.to_call(agent, contract, circumstances, seen)
        own = asking.to_do(agent, contract, circumstances, seen, given)
    except UnjudgeableError as fault:
        told = {"tool": contract.name, "argument": fault.name, "problem": str(fault)}
        return Verdict(permitted=False, code="policy_cannot_judge", parameters=told)
    questions = [each for each in (whole, own) if each is not None]
    answers = [policies.answer(each) for each in questions]
    if (refused := _refused(questions, answers)) is not None:
        return refused
    decisive, said = questions[-1], answers[-1]
    permits = tuple(rule for each in answers for rule in each.rules)
    if said.says is Says.PERMIT:
        return _permit(permits, decisive)
    if own is None and contract.risk_level < DENIED_FROM:
        return Verdict(permitted=True, code="", asked=decisive)
    told = {
        "action": decisive.action.id,
        "resource": f"{decisive.resource.type}/{decisive.resource.id}",
    }
    return Verdict(permitted=False, code="policy_permits_none", parameters=told, asked=decisive)


def on(
    policies: ParsedSet, action: str, resource: str, question: Callable[[], Asked]
) -> Verdict | None:
    """Return whether anything else may be done, permitted unless forbidden; None where no rule
    speaks of such actions.
    """
    if not policies.speaks_of(action, resource):
        return None
    asked = question()
    said = policies.answer(asked)
    if (refused := _refused([asked], [said])) is not None:
        return refused
    return (
        _permit(said.rules, asked)
        if said.rules
        else Verdict(permitted=True, code="policy_silent", asked=asked)
    )


def on_person(
    policies: ParsedSet, action: str, resource: str, question: Callable[[], Asked]
) -> Verdict | None:
    """Return whether a person may do something; None where no rule speaks of it.

    A forbid refuses. Where a permit names the action for this resource, whoever matches none is
    refused as well; else a person is permitted, as where there are no policies.
    """
    if not policies.speaks_of(action, resource):
        return None
    asked = question()
    said = policies.answer(asked)
    if (refused := _refused([asked], [said])) is not None:
        return refused
    if said.rules:
        return _permit(said.rules, asked)
    about = asked.resource
    if policies.lists_who_may(action, about.type, about.id):
        told: dict[str, str | int] = {"action": action, "resource": f"{about.type}/{about.id}"}
        return Verdict(permitted=False, code="policy_permits_none", parameters=told, asked=asked)
    return Verdict(permitted=True, code="policy_silent", asked=asked)


def _permit(rules: tuple[Rule, ...], asked: Asked) -> Verdict:
    told = {"policies": ", ".join(dict.fromkeys(each.id for each in rules))}
    return Verdict(True, "policy_permits", told, rules, asked)


def _refused(questions: list[Asked], answers: list[Answer]) -> Verdict | None:
    for says, code in ((Says.ERROR, "policy_error"), (Says.FORBID, "policy_forbids")):
        found = [pair for pair in zip(questions, answers, strict=True) if pair[1].says is says]
        if found:
            rules = tuple(rule for _, each in found for rule in each.rules)
            return Verdict(False, code, _reasons(rules), rules, found[-1][0])
    return None


def _reasons(rules: tuple[Rule, ...]) -> dict[str, str | int]:
    """Return the rules by id, and what their authors say of why."""
    ids = ", ".join(dict.fromkeys(each.id for each in rules)) or "all in force"
    why = " ".join(dict.fromkeys(w for each in rules if (w := each.annotations.get("reason"))))
    return {"policies": ids, "why": why}
