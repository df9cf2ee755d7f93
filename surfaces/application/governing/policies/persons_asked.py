"""How many persons the calls of a tool ask for, by contract, agent and policies; for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from runfold.events.definitions import AgentDefinition, ToolContract
from runfold.processors.run.policy.cedar import terms
from runfold.processors.run.policy.cedar.engine import Rule
from runfold.processors.run.policy.cedar.partial import Possible
from runfold.processors.run.policy.judging import asks_a_person
from runfold.processors.run.policy.rules import asks_by_declaration
from runfold.processors.run.policy.verdict import DENIED_FROM, Verdict

_WORDS = {
    "requester:never": "not the requester",
    "holds:once": "for that call alone",
    "shown:required": "with the digest of what was shown",
}


@dataclass(frozen=True, slots=True)
class PersonsAsked:
    """How many persons must approve a call, at the least and at the most; 0 for none.

    ``why`` says what each rule asks for that may be behind the call's permit.
    """

    least: int
    most: int
    why: tuple[str, ...] = ()


def by_declaration(agent: AgentDefinition, contract: ToolContract) -> PersonsAsked:
    """Return how many are asked where no policy is in force: whatever the level, one is enough."""
    number = 1 if asks_by_declaration(agent, contract) else 0
    return PersonsAsked(number, number)


def by_policies(
    agent: AgentDefinition, contract: ToolContract, answers: Iterable[Possible]
) -> PersonsAsked:
    """Return how many are asked, given what policies say of the call with its context left open.

    ``answers`` are of the call of the tool and, where its contract names one, of its own action.
    Which of the open permits match is known when a call is made: each may alone, or all together.
    """
    found = list(answers)
    certain = tuple(rule for each in found for rule in each.permits)
    open_ = tuple(rule for each in found for rule in each.perhaps)
    # The last answer decides: a permit of the tool does not, where its contract names an action.
    decisive = found[-1]
    alone = [_number(agent, contract, (*certain, each)) for each in decisive.perhaps]
    needs_none = contract.policy is None and contract.risk_level < DENIED_FROM
    without = decisive.permits or needs_none or not alone
    base = [_number(agent, contract, certain)] if without else []
    numbers = [*base, *alone, _number(agent, contract, (*certain, *open_))]
    why = dict.fromkeys(_why(contract, certain, open_))
    return PersonsAsked(min(numbers), max(numbers), tuple(why))


def counted(least: int, most: int) -> str:
    """Return a number of persons in words: ``no``, ``1 person``, ``up to 2 persons``."""
    if most == 0:
        return "no"
    persons = "1 person" if most == 1 else f"{most} persons"
    if least == most:
        return persons
    return f"up to {persons}" if least == 0 else f"{least} to {persons}"


def obliged(obligations: Iterable[str]) -> tuple[str, ...]:
    """Return what a decision binds an approval to, beside the number of persons, in words."""
    return tuple(_WORDS[each] for each in obligations if each in _WORDS)


def _number(agent: AgentDefinition, contract: ToolContract, rules: tuple[Rule, ...]) -> int:
    said = Verdict(permitted=True, code="", rules=rules)
    if not asks_a_person(contract, said, declared=asks_by_declaration(agent, contract)):
        return 0
    return terms.of_permits(rules, contract.risk_level).approvers


def _why(
    contract: ToolContract, certain: tuple[Rule, ...], open_: tuple[Rule, ...]
) -> Iterator[str]:
    for rules, when in ((certain, ""), (open_, ", where it permits the call")):
        for rule in rules:
            said = Verdict(permitted=True, code="", rules=(rule,)).approval
            if said == "never":
                yield f"approval: {rule.id} asks nobody{when}"
                continue
            demanded = terms.of_permits((rule,), contract.risk_level)
            words = obliged(terms.obligations(demanded))
            if said == "always" or words:
                number = counted(demanded.approvers, demanded.approvers)
                yield f"approval: {rule.id} asks for {', '.join((number, *words))}{when}"
