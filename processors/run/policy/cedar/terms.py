"""What the permits of a call demand of whoever approves it, by their annotations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from runfold.events.definitions.levels import LEVELS
from runfold.events.people.approvals import MOST_APPROVERS, ApprovalTerms
from runfold.processors.run.policy.cedar.engine import Rule
from runfold.processors.run.policy.cedar.names import IN_RUNS, PEOPLES

VALUES = {
    "approval": ("always", "never"),
    "approvers": tuple(str(n) for n in range(1, MOST_APPROVERS + 1)),
    "dry_run": ("always", "never"),
    "holds": ("once",),
    "requester": ("never",),
    "shown": ("required",),
}
"""What the annotations of a permit may say."""


def faults(rule: Rule) -> Iterator[str]:
    """Yield what is wrong with a rule's annotations on approvals."""
    for name, values in VALUES.items():
        said = rule.annotations.get(name)
        if said is None:
            continue
        if rule.forbids:
            yield f"@{name} belongs to a permit, and this is a forbid"
        elif said not in values:
            yield f'@{name}("{said}") is none of {", ".join(values)}'
        elif rule.actions is not None and not rule.actions.isdisjoint(IN_RUNS | PEOPLES):
            yield f"@{name} belongs to a permit of calls, not of what a person does"
    if rule.annotations.get("approval") == "never" and number_of(rule) > 1:
        yield '@approval("never") asks nobody, and @approvers asks several: choose one'


def number_of(rule: Rule) -> int:
    """Return how many approvers a rule demands, 0 where it says none; in doubt the most."""
    said = rule.annotations.get("approvers")
    if said is None:
        return 0
    return int(said) if said in VALUES["approvers"] else MOST_APPROVERS


def of_permits(rules: Iterable[Rule], level: int) -> ApprovalTerms:
    """Return what several permits of a call of some level demand together: the strictest."""
    permits = [each for each in rules if not each.forbids]
    named = [number for each in permits if (number := number_of(each))]
    default = LEVELS[level].persons
    return ApprovalTerms(
        approvers=max(named, default=default),
        requester=not _any(permits, "requester"),
        once=_any(permits, "holds"),
        shown=_any(permits, "shown"),
    )


def together(first: ApprovalTerms, second: ApprovalTerms) -> ApprovalTerms:
    """Return the stricter of each."""
    return ApprovalTerms(
        approvers=max(first.approvers, second.approvers),
        requester=first.requester and second.requester,
        once=first.once or second.once,
        shown=first.shown or second.shown,
    )


def obligations(terms: ApprovalTerms) -> tuple[str, ...]:
    """Return terms as a decision lists them beside the approval itself; none for the defaults."""
    said = (
        (f"approvers:{terms.approvers}", terms.approvers > 1),
        ("requester:never", not terms.requester),
        ("holds:once", terms.once),
        ("shown:required", terms.shown),
    )
    return tuple(text for text, holds in said if holds)


def _any(permits: Iterable[Rule], name: str) -> bool:
    """Whether any of them restricts; a value that means nothing restricts as well."""
    return any(name in each.annotations for each in permits)
