"""From manifest files to definitions that can be published, or to every fault at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runfold.events.definitions import (
    AgentDefinition,
    Definition,
    Definitions,
    ModelScript,
    PolicyDefinition,
    ResponseProfile,
    Subscriber,
    Subscription,
    TenantPolicy,
    ToolContract,
)
from runfold.infra.documents import Document
from runfold.processors.definitions.unusable import contracts_of
from runfold.surfaces.manifests.agents.agent import lower_agent
from runfold.surfaces.manifests.agents.flow import lower_flow
from runfold.surfaces.manifests.agents.model_script import lower_model_script
from runfold.surfaces.manifests.agents.response_profile import lower_response_profile
from runfold.surfaces.manifests.bases import asked_in
from runfold.surfaces.manifests.check import FORMER, check
from runfold.surfaces.manifests.delivery.subscriber import lower_subscriber
from runfold.surfaces.manifests.delivery.subscription import lower_subscription
from runfold.surfaces.manifests.files import read
from runfold.surfaces.manifests.governing.policy import check_policy, lower_policy, told_of_names
from runfold.surfaces.manifests.governing.tenant_policy import (
    check_tenant_policy,
    lower_tenant_policy,
)
from runfold.surfaces.manifests.problems import (
    InvalidManifestsError,
    Remark,
    UnacceptedRemarksError,
)
from runfold.surfaces.manifests.references import (
    Known,
    Published,
    by_reference,
    check_agent,
    check_model_script,
)
from runfold.surfaces.manifests.tool import BaseOf, lower_tool

_ORDER: tuple[type[Definition], ...] = (
    ModelScript,
    ToolContract,
    PolicyDefinition,
    ResponseProfile,
    AgentDefinition,
    TenantPolicy,
    Subscription,
    Subscriber,
)
"""In which order they are published: what is named comes before what names it."""


@dataclass(frozen=True, slots=True)
class Manifests:
    """Definitions in the order to publish them, and what their author should know."""

    definitions: tuple[Definition, ...]
    remarks: tuple[Remark, ...]


Unusable = Callable[[str], str]
"""Says why the tools of a module would not work, nothing where they would or it is not known."""


def _usable(_module: str) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class _Declared:
    definition: Definition
    document: Document


def load(  # noqa: PLR0913 - what is known beside the files
    paths: Iterable[Path],
    *,
    env: Mapping[str, str],
    base_of: BaseOf,
    builtins: Sequence[ToolContract] = (),
    published: Definitions | None = None,
    tenant: str | None = None,
    unusable: Unusable = _usable,
    accept_remarks: bool = False,
) -> Manifests:
    """Return what the files declare, checked against each other and what is published.

    ``tenant`` is whose the definitions will be. ``unusable`` says why a module of tools cannot be
    used where it would run, if it is known. Built-in tools that an agent lists by their own
    name are declared along with it. ``accept_remarks`` is the consent to what is not honoured
    although it was to protect somebody; what is published as it stands has it already.
    Raises InvalidManifestsError, which names every fault of every file, and UnacceptedRemarksError
    where consent is missing.
    """
    read_documents = list(read(paths))
    declared: list[_Declared] = []
    remarks: list[Remark] = []
    for document in read_documents:
        if document.data is None:
            continue
        remarks += check(document)
        if not document.problems and document.data is not None:
            definition, told = _lower(document, env, base_of)
            remarks += told
            declared += [_Declared(definition, document)] if definition else []
    remarks += _told_of_modules(declared, unusable)
    _refuse_repeats(declared)
    faulty = frozenset(name for each in read_documents if (name := _faulty_name(each)))
    known = Published(published or Definitions(), tenant)
    used, told_of_agents = _check_references(declared, builtins, known, faulty)
    remarks += told_of_agents
    remarks += _check_policies(declared, used, known)
    problems = [problem for document in read_documents for problem in document.problems]
    if problems:
        raise InvalidManifestsError(problems)
    needing = [] if accept_remarks else _unaccepted(remarks, declared, known)
    if needing:
        raise UnacceptedRemarksError(needing)
    everything = [*used, *(each.definition for each in declared)]
    return Manifests(
        tuple(sorted(everything, key=lambda each: _ORDER.index(type(each)))),
        tuple(sorted(set(remarks))),
    )


_PLAIN: Mapping[str, Callable[[Document], Definition | None]] = {
    "ModelScript": lower_model_script,
    "Policy": lower_policy,
    "Subscriber": lower_subscriber,
    "Subscription": lower_subscription,
}


def _lower(
    document: Document, env: Mapping[str, str], base_of: BaseOf
) -> tuple[Definition | None, list[Remark]]:
    match document.data["kind"]:
        case "Agent":
            return lower_agent(document, env)
        case "Flow":
            return lower_flow(document)
        case "Tool":
            return lower_tool(document, env, base_of)
        case "TenantPolicy":
            return lower_tenant_policy(document)
        case "ResponseProfile":
            return lower_response_profile(document)
        case kind:
            return _PLAIN[FORMER.get(kind, kind)](document), []


def _faulty_name(document: Document) -> str | None:
    if not document.problems or not isinstance(document.data, dict):
        return None
    metadata = document.data.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) else None


def _told_of_modules(declared: Iterable[_Declared], unusable: Unusable) -> list[Remark]:
    """Tell the authors of Python tools what keeps these from working once they are published."""
    told = []
    for each in declared:
        if not isinstance(each.definition, ToolContract):
            continue
        way, _, target = each.definition.implementation.partition(":")
        if way == "python" and (why := unusable(target.partition(":")[0])):
            told.append(each.document.remark(("spec", "use"), why))
    return told


def _unaccepted(
    remarks: Iterable[Remark], declared: Iterable[_Declared], known: Published
) -> list[Remark]:
    """Return what needs consent, but for files of which everything is published as it stands."""
    new = {each.document.file for each in declared if not known.has(each.definition)}
    return [each for each in remarks if each.consent and each.file in new]


def _refuse_repeats(declared: Sequence[_Declared]) -> None:
    seen: dict[tuple[type[Definition], str, str], Document] = {}
    for each in declared:
        is_a = each.definition
        first = seen.setdefault((type(is_a), is_a.name, is_a.version), each.document)
        if first is not each.document:
            place = f"{first.file}:{first.line(())}"
            sentence = f"{is_a.name} {is_a.version} is declared twice, first at {place}"
            each.document.refuse(("metadata",), sentence)


def _check_policies(
    declared: Sequence[_Declared], used: Sequence[ToolContract], published: Published
) -> list[Remark]:
    """Note what is wrong with policies, given the tools of the same files and those published.

    Returns what their authors should know besides.
    """
    policies = [each for each in declared if isinstance(each.definition, PolicyDefinition)]
    if not policies:
        return []
    offered = [*used, *(each.definition for each in declared)]
    contracts = contracts_of(published.definitions, published.tenant, offered)
    here = [each.definition for each in declared if isinstance(each.definition, AgentDefinition)]
    agents = {*published.every("agent"), *(each.name for each in here)}
    tools = {*published.every("tool"), *(each.name for each in contracts)}
    remarks: list[Remark] = []
    for each in policies:
        check_policy(each.definition, each.document, contracts)
        if isinstance(each.definition, PolicyDefinition):
            remarks += told_of_names(each.definition, each.document, tools, agents)
    return remarks


def _check_references(
    declared: Sequence[_Declared],
    builtins: Sequence[ToolContract],
    published: Published,
    faulty: frozenset[str],
) -> tuple[list[ToolContract], list[Remark]]:
    """Note what is missing, or return a remark on it.

    Returns also the built-in tools that are used under their own names.
    """
    here = [each.definition for each in declared]
    own_tools = by_reference(each for each in here if isinstance(each, ToolContract))
    shipped = by_reference([*builtins, *asked_in(here)])
    tools = {**{n: t for n, t in shipped.items() if published.tool(n) is None}, **own_tools}
    scripts = by_reference(each for each in here if isinstance(each, ModelScript))
    agents = frozenset(each.name for each in here if isinstance(each, AgentDefinition))
    known = Known(tools, scripts, published, faulty, agents)
    used: dict[str, ToolContract] = {}
    told: list[Remark] = []
    for each in declared:
        if isinstance(each.definition, AgentDefinition):
            told += check_agent(each.definition, each.document, known)
            for name in each.definition.tools:
                if name in shipped and known.tool(name) is shipped[name]:
                    used[shipped[name].name] = shipped[name]
        elif isinstance(each.definition, ModelScript):
            check_model_script(each.definition, each.document, known)
        elif isinstance(each.definition, TenantPolicy):
            check_tenant_policy(each.definition, each.document, known)
    return list(used.values()), told
