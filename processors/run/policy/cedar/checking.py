"""Whether a policy can be published: it parses, it fits the tools there are, its tests pass."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from runfold.events.definitions import PolicyDefinition, ToolContract
from runfold.processors.run.policy.cedar import terms
from runfold.processors.run.policy.cedar.asked_for import asked_for, known_paths
from runfold.processors.run.policy.cedar.bounds import need_bounded
from runfold.processors.run.policy.cedar.engine import ParsedSet, of_one
from runfold.processors.run.policy.cedar.names import ACTIONS, NAMEABLE, RESERVED, TYPES
from runfold.processors.run.policy.cedar.never import never_true
from runfold.processors.run.policy.cedar.schema import argument_types, schema_of
from runfold.processors.run.policy.cedar.testing import failure_of
from runfold.processors.run.policy.cedar.values import type_of

ANNOTATIONS = (
    "approval", "approvers", "description", "dry_run", "holds", "id", "reason", "requester",
    "shown",
)  # fmt: skip
"""The annotations of a rule that mean something here."""

BUILT_IN = "runfold:"
"""How the ids of the built-in rules begin, which no policy may take."""

MOST_ID_CHARS = 200

_NAMED = re.compile(r"^for policy `policy\d+`, ")


class InvalidPolicyError(ValueError):
    """A text that is no policy; the text of the error says where and why."""


def canonical(cedar: str) -> str:
    """Return a text of rules in Cedar's canonical form; raises InvalidPolicyError for others."""
    import cedarpy  # noqa: PLC0415 - needed by whoever has policies

    try:
        need_bounded(cedar)
    except ValueError as fault:
        raise InvalidPolicyError(str(fault)) from None
    try:
        return cedarpy.format_policies(cedar)
    except ValueError:
        said = cedarpy.validate_policies(cedar, schema_of(()))
        why = said.errors[0].error if said.errors else "it cannot be parsed"
        raise InvalidPolicyError(f"it is no Cedar: {why}") from None


def faults(policy: PolicyDefinition, contracts: Iterable[ToolContract]) -> list[str]:
    """Return why a policy cannot be published, given the tools that it can meet."""
    known = list(contracts)
    try:
        if canonical(policy.cedar) != policy.cedar:
            return ["it is not in Cedar's canonical form: publish it with runfold apply"]
        rules = of_one(policy)
    except (ValueError, RecursionError) as fault:
        return [str(fault)]
    found = [*_of_text(policy), *_of_annotations(rules)]
    found = found or [*_of_schema(policy, rules, known), *_never(policy, rules)]
    found += _unknown(policy, rules, known)
    tools = {contract.name: contract for contract in known}
    return found or [why for each in policy.tests if (why := failure_of(each, rules, tools))]


def rule_ids(policy: PolicyDefinition) -> tuple[str, ...]:
    """Return the ids of a policy's rules; none where it cannot be parsed."""
    try:
        return tuple(each.id for each in of_one(policy).rules.values())
    except ValueError:
        return ()


def contract_faults(contract: ToolContract) -> list[str]:
    """Return what is wrong with what a contract says for policies."""
    found = [
        f"policy_arguments: {name} is no argument whose type policies know "
        "(integer, number, string, boolean or a list of strings)"
        for name in contract.policy_arguments
        if type_of(contract.input_schema, name) is None
    ]
    said = contract.policy
    if said is None:
        return found
    if said.action in RESERVED:
        found.append(f"policy: {said.action} is an action of every deployment: name another")
    elif NAMEABLE.get(said.action, said.resource.type) != said.resource.type:
        found.append(f"policy: {said.action} is done to a {NAMEABLE[said.action]}: name that type")
    elif said.action not in NAMEABLE and said.resource.type in TYPES:
        found.append(f"policy: {said.resource.type} is a type of every deployment: name another")
    if type_of(contract.input_schema, said.resource.argument) != "String":
        found.append(f"policy: {said.resource.argument} is no argument that is a text")
    return found


def _of_text(policy: PolicyDefinition) -> Iterator[str]:
    import cedarpy  # noqa: PLC0415 - as above

    parsed = json.loads(cedarpy.policies_to_json_str(policy.cedar))
    if parsed["templates"]:
        yield "it has slots such as ?principal, which nobody fills: name who is meant"
    elif not parsed["staticPolicies"]:
        yield "it holds no rule: write a permit or a forbid"


def _of_annotations(rules: ParsedSet) -> Iterator[str]:
    seen: set[str] = set()
    for each in rules.rules.values():
        if each.id in seen:
            yield f"two rules have the id {each.id}: give each its own"
        seen.add(each.id)
        if fault := _id_fault(each.id):
            yield fault
        for name in sorted(set(each.annotations) - set(ANNOTATIONS)):
            yield f"rule {each.id}: @{name} means nothing; there are {_listed(ANNOTATIONS)}"
        yield from (f"rule {each.id}: {why}" for why in terms.faults(each))


def _id_fault(name: str) -> str:
    """Return why a rule cannot have an id: it stands on record and in lists, and is not ours."""
    if name.startswith(BUILT_IN):
        return f"rule {name}: ids that begin with {BUILT_IN} are of the built-in rules"
    if not name.isprintable() or not 1 <= len(name) <= MOST_ID_CHARS:
        return f"rule {name[:MOST_ID_CHARS]!r}: an id is 1 to {MOST_ID_CHARS} printed characters"
    return ""


def _of_schema(
    policy: PolicyDefinition, rules: ParsedSet, contracts: Sequence[ToolContract]
) -> Iterator[str]:
    import cedarpy  # noqa: PLC0415 - as above

    ids, told = _ids(rules), set[str]()
    unnamed = {_number(key) for key, each in rules.rules.items() if each.actions is None}
    result = cedarpy.validate_policies(policy.cedar, schema_of(contracts))
    found = [each for each in result.errors if each.policy_id not in unnamed]
    if unnamed:
        # What names no action is said of agents: people are asked about by name alone.
        of_agents = cedarpy.validate_policies(policy.cedar, schema_of(contracts, people=False))
        found += [each for each in of_agents.errors if each.policy_id in unnamed]
    for each in found:
        if "unable to find an applicable action" in each.error and told:
            continue
        which = ids.get(each.policy_id, each.policy_id)
        sentence = f"rule {which}: {_NAMED.sub('', each.error)}{_hint(each.error, contracts)}"
        if sentence not in told:
            told.add(sentence)
            yield sentence
    if not (told or result.validation_passed or result.errors):
        yield "it does not fit the tools there are"


def _hint(error: str, contracts: Sequence[ToolContract]) -> str:
    if "unable to find an applicable action" in error:
        return ": it can never match, because no such action is done to such a resource"
    if "unrecognized action" in error:
        own = {each.policy.action for each in contracts if each.policy}
        return f"; there are {_listed([*ACTIONS, *sorted(own)])}"
    if "unrecognized entity type" in error:
        own = {each.policy.resource.type for each in contracts if each.policy}
        return f"; there are {_listed([*TYPES, *sorted(own)])}"
    differing = [name for name, kind in argument_types(contracts).items() if kind is None]
    named = [name for name in differing if f"arguments.{name}`" in error or f"`{name}`" in error]
    if named:
        return f": contracts give {_listed(named)} different types, so policies cannot compare it"
    return next((hint for sign, hint in _HINTS if all(each in error for each in sign)), "")


_HINTS = (
    (("optional attribute",), ": ask with `has` first whether it is there"),
    (
        ("decimal", "Long"),
        (
            ": a number is compared as a decimal, as in "
            'context.arguments.amount.lessThan(decimal("100.0"))'
        ),
    ),
)
"""What to do about an error of Cedar's that holds all these words."""


def _unlisted(path: Sequence[str], contracts: Sequence[ToolContract]) -> str:
    """Return how an argument comes to be seen by policies; nothing of other attributes."""
    if tuple(path[:2]) != ("context", "arguments"):
        return ""
    having = [each.name for each in contracts if type_of(each.input_schema, path[-1]) is not None]
    if having:
        whose = _listed(dict.fromkeys(having))
        return f": list {path[-1]} in `policy_arguments` of the contract of {whose}"
    seen = _listed(sorted(argument_types(contracts)))
    return f"; policies see the arguments {seen}" if seen else ": no tool has such an argument"


def _never(policy: PolicyDefinition, rules: ParsedSet) -> Iterator[str]:
    """Yield the rules whose conditions are false whatever is asked."""
    import cedarpy  # noqa: PLC0415 - as above

    said: Any = cedarpy.is_authorized_partial({}, policy.cedar, []).diagnostics
    alive = {*said.nontrivial_residuals, *said.reasons, *said.must_be_determining}
    alive |= set(said.may_be_determining)
    broken = {n for n in _ids(rules) if any(f"`{n}`" in each for each in said.errors)}
    for key, rule in rules.rules.items():
        number = _number(key)
        gone = number not in alive and number not in broken
        if gone or never_true(rules.bodies[key]):
            yield f"rule {rule.id}: it can never match: its condition is always false"


def _unknown(
    policy: PolicyDefinition, rules: ParsedSet, contracts: Sequence[ToolContract]
) -> Iterator[str]:
    """Yield the attributes that rules ask for and that nothing has."""
    import cedarpy  # noqa: PLC0415 - as above

    known, ids = known_paths(schema_of(contracts)), _ids(rules)
    bodies = json.loads(cedarpy.policies_to_json_str(policy.cedar))["staticPolicies"]
    for number, body in bodies.items():
        for path in dict.fromkeys(asked_for(body["conditions"])):
            # Of what hangs on an entity that the context names, nothing is known here.
            if path not in known and (len(path) == 2 or path[:2] == ("context", "arguments")):
                hint = _hint(f"`{path[-1]}`", contracts) or _unlisted(path, contracts)
                yield f"rule {ids[number]}: nothing has an attribute {'.'.join(path)}{hint}"


def _ids(rules: ParsedSet) -> Mapping[str, str]:
    """Return the rules' ids by the names that Cedar gives them."""
    return {_number(key): each.id for key, each in rules.rules.items()}


def _number(key: str) -> str:
    """Return the name that Cedar gives a rule of a text, by its key in a set."""
    return f"policy{key.rpartition('/')[2]}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
