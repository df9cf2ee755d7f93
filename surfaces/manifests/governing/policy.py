"""The manifest of a policy: its rules in canonical form, checked against the tools there are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from runfold.events.definitions import (
    Definition,
    PolicyDefinition,
    PolicyServer,
    PolicyTest,
    ToolContract,
)
from runfold.infra.documents import Document
from runfold.processors.run.policy.cedar.checking import InvalidPolicyError, canonical, faults
from runfold.surfaces.manifests.problems import Remark, did_you_mean


def lower_policy(document: Document) -> PolicyDefinition | None:
    """Return the policy that a checked document declares, None where its text is no Cedar."""
    metadata, spec = document.data["metadata"], document.data["spec"]
    try:
        cedar = canonical(spec["cedar"])
    except InvalidPolicyError as fault:
        document.refuse(("spec", "cedar"), f"policy {metadata['name']}: {fault}")
        return None
    return PolicyDefinition(
        name=metadata["name"],
        version=metadata["version"],
        description=metadata.get("description", ""),
        cedar=cedar,
        server=PolicyServer.model_validate(spec["server"]) if "server" in spec else None,
        tests=tuple(PolicyTest.model_validate(each) for each in spec.get("tests", ())),
    )


_NAMED = re.compile(r'\b(Tool|Agent)::"([^"\\\\]+)"')


def told_of_names(
    policy: PolicyDefinition, document: Document, tools: Iterable[str], agents: Iterable[str]
) -> list[Remark]:
    """Return a remark for each tool and agent that rules name and that nobody has published.

    It is no fault, as they may come later; but a misspelt name is a rule that never holds.
    """
    known = {"Tool": sorted(set(tools)), "Agent": sorted(set(agents))}
    return [
        document.remark(
            ("spec", "cedar"),
            f'{kind}::"{name}" is not published: what names it matches nothing until it is.'
            f"{did_you_mean(name, known[kind])}",
        )
        for kind, name in dict.fromkeys(_NAMED.findall(policy.cedar))
        if name not in known[kind]
    ]


def check_policy(policy: Definition, document: Document, contracts: Sequence[ToolContract]) -> None:
    """Note every fault of a policy, given the tools that it can meet."""
    if isinstance(policy, PolicyDefinition):
        for fault in faults(policy, contracts):
            field = "tests" if fault.startswith("test ") else "cedar"
            document.refuse(("spec", field), f"policy {policy.name}: {fault}")
