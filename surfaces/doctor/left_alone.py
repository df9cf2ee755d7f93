"""What processes of the stack leave alone after failures: tools, models, and their servers."""

from __future__ import annotations

from collections.abc import Iterator

from runfold.stack.processes import telling
from runfold.surfaces.doctor.deployment import Deployment
from runfold.surfaces.doctor.finding import Finding, note, ok, warning

_TODO = {
    "tool": "`runfold logs RUN` of a run that called it says how it fails",
    "model": "`runfold logs RUN` of a run that called it says how it fails",
    "server": "look at the service behind these tools; one call of one of them tries it, for all",
    "provider": "look at the provider, and at the network to it; one call tries it, for all models",
}


def check(deployment: Deployment) -> Iterator[Finding]:
    """Find what failed so often that its calls are held; nothing where no stack runs here."""
    if deployment.known is None:
        yield note("left alone", "no stack runs in this home: `/health/live` of pools names it")
        return
    found: dict[tuple[str, str], list[str]] = {}
    for member in deployment.known.members:
        said = telling.ask(member.metrics_port, member.metrics_address)
        for each in said.left_alone if said is not None else ():
            found.setdefault(each, []).append(member.name)
    if not found:
        yield ok("left alone", "no tool, model or server")
    for (kind, name), parts in sorted(found.items()):
        yield warning(
            "left alone",
            f"the {kind} {name} failed several times in a row, and {', '.join(parts)} hold its "
            "calls until it answers",
            _TODO.get(kind, _TODO["tool"]),
        )
