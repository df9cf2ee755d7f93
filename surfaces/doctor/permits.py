"""Whether the definition store holds what the policies of its moment did not permit."""

from __future__ import annotations

from collections.abc import Iterator

from runfold.surfaces.audit.registry import unpermitted_records
from runfold.surfaces.doctor.deployment import Deployment
from runfold.surfaces.doctor.finding import Finding, ok, wrong

_SHOWN = 5


def check(deployment: Deployment) -> Iterator[Finding]:
    """Find records that somebody put into the store past the policies in force."""
    found = unpermitted_records(deployment.reader)
    for each in found[:_SHOWN]:
        yield wrong(
            "permits",
            f"registry/0 offset {each.offset}: {each.what} by {each.by}: {each.why}",
            "see who may write to the topic registry (Kafka's ACLs); look at what was published, "
            "and withdraw it where it should not hold",
        )
    if len(found) > _SHOWN:
        more = f"{len(found) - _SHOWN} more records that nobody was permitted to publish"
        yield wrong("permits", more, "`runfold audit verify` lists them")
    if not found:
        yield ok("permits", "the policies of their moment permit all that is published")
