"""The manifest of a policy: its rules in canonical form, checked against the tools there are."""

from __future__ import annotations

from collections.abc import Sequence

from runfold.events.definitions import (
    Definition,
    PolicyDefinition,
    PolicyServer,
    PolicyTest,
    ToolContract,
)
from runfold.infra.documents import Document
from runfold.processors.run.policy.cedar.checking import InvalidPolicyError, canonical, faults


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


def check_policy(policy: Definition, document: Document, contracts: Sequence[ToolContract]) -> None:
    """Note every fault of a policy, given the tools that it can meet."""
    if isinstance(policy, PolicyDefinition):
        for fault in faults(policy, contracts):
            field = "tests" if fault.startswith("test ") else "cedar"
            document.refuse(("spec", field), f"policy {policy.name}: {fault}")
