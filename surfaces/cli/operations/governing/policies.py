"""``policy``: tests, explanations, simulations and grants on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from runfold.events.definitions import Definition, Definitions, PolicyDefinition
from runfold.processors.run.policy.cedar.names import ACTIONS, TOOL_CALL
from runfold.surfaces.application import shapes
from runfold.surfaces.application.governing.definitions import read_definitions
from runfold.surfaces.application.governing.policies import testing
from runfold.surfaces.application.governing.policies.explain import explain
from runfold.surfaces.application.governing.policies.persons_asked import counted
from runfold.surfaces.application.governing.policies.simulate import simulate
from runfold.surfaces.application.governing.policies.who_can import need_asked_about, who_can
from runfold.surfaces.application.governing.publish import declared
from runfold.surfaces.application.runs.follow import journal_of
from runfold.surfaces.audit.journal import definitions as history_of
from runfold.surfaces.cli import exits, output
from runfold.surfaces.cli.context import Context
from runfold.surfaces.cli.names import call_id_of
from runfold.surfaces.cli.publishing import environment_of
from runfold.surfaces.manifests.load import Manifests
from runfold.surfaces.manifests.problems import InvalidManifestsError, did_you_mean


def show_tests(
    context: Context, files: Sequence[Path], tenant: str | None, *, published: bool, json: bool
) -> int:
    """Print what came of every test; return whether all passed."""
    asks = published or not files
    known = read_definitions(context.reader) if asks else Definitions()
    try:
        read = _read(context, files, known, tenant)
    except InvalidManifestsError:
        if not asks:
            output.fault("Only these files were read: --published adds what is published.")
        raise
    offered = list(read.definitions)
    policies = offered or ([] if files else testing.in_force(known, tenant))
    contracts = testing.tools_of(known, tenant, offered)
    found = list(testing.results(policies, contracts))
    if json:
        output.as_json(found)
    else:
        rows = [
            ("passed" if each.passed else "FAILED", each.policy, each.said or each.test)
            for each in found
        ]
        for remark in read.remarks if published else ():
            output.fault(f"note: {remark}")
        output.table(("result", "policy", "test"), rows, _no_test(policies, files))
    return exits.OK if all(each.passed for each in found) else exits.NO


def show_explanation(context: Context, typed: str, tenant: str | None, *, json: bool) -> None:
    """Print every decision on a call."""
    run_id, call_id = call_id_of(context, typed, tenant)
    client = context.client(tenant or "default", "me")
    events = list(journal_of(client, context.scope(tenant), run_id))
    with output.waiting("the definition store"):
        history = history_of(context.reader)
        now = read_definitions(context.reader)
    found = explain(events, call_id, history, now)
    if json:
        output.as_json(found)
        return
    for each in found:
        _print(each)


def show_simulation(
    context: Context,
    files: Sequence[Path],
    since: datetime | None,
    tenant: str | None,
    *,
    json: bool,
) -> None:
    """Print what would be decided otherwise."""
    now = read_definitions(context.reader)
    offered = _offered(context, files, now, tenant)
    with output.waiting("the journal to be read"):
        found = simulate(
            context.reader,
            history_of(context.reader),
            now,
            offered,
            since=since,
            tenant=tenant,
        )
    if json:
        output.as_json(found)
        return
    said = output.console()
    said.print(f"calls      {found.calls}, {found.unchanged} decided the same")
    said.print(f"denied     {found.denied} that were permitted")
    said.print(f"permitted  {found.permitted} that were denied")
    said.print(f"asked      {found.asked} more, {found.unasked} fewer approvals")
    if not found.changes:
        return
    rows = [
        (each.calls, each.agent, each.tool, each.was, each.becomes, ", ".join(each.policies))
        for each in found.changes
    ]
    output.table(("calls", "agent", "tool", "was", "becomes", "policies"), rows, "")


def show_grants(
    context: Context,
    action: str,
    resource: str,
    tenant: str,
    user: str,
    roles: tuple[str, ...],
    *,
    json: bool,
) -> None:
    """Print what each agent may do."""
    known = read_definitions(context.reader)
    need_asked_about(known, action)
    found = who_can(known, action, resource, tenant=tenant, user=user, roles=roles)
    if json:
        output.as_json(found)
        return
    rows = [
        (
            f"{g.agent}@{g.version}",
            g.tool,
            g.answer,
            None if g.persons is None else counted(g.persons_least or 0, g.persons),
            ", ".join(g.policies),
            "; ".join((g.reason, *g.asks)),
        )
        for g in found
    ]
    nobody = f"No agent has a tool that does this.{_unknown(known, action, resource, tenant)}"
    output.table(("agent", "tool", "may", "approval", "policies", "why"), rows, nobody)


def _unknown(known: Definitions, action: str, resource: str, tenant: str) -> str:
    """Return what is not known of a question, or nothing."""
    contracts = testing.tools_of(known, tenant)
    own = {each.policy.action for each in contracts if each.policy is not None}
    if action not in {*ACTIONS, *own}:
        return f" There is no action {action}.{did_you_mean(action, {*ACTIONS, *own})}"
    tools = {each.name for each in contracts}
    if action == TOOL_CALL and resource not in tools and "::" not in resource:
        return f" There is no tool {resource}.{did_you_mean(resource, tools)}"
    return ""


def _offered(
    context: Context, files: Sequence[Path], known: Definitions, tenant: str | None
) -> list[Definition]:
    return list(_read(context, files, known, tenant).definitions)


def _read(
    context: Context, files: Sequence[Path], known: Definitions, tenant: str | None
) -> Manifests:
    if not files:
        return Manifests((), ())
    return declared(files, environment_of(context), known, tenant, accept_remarks=True)


def _no_test(policies: Sequence[Definition], files: Sequence[Path]) -> str:
    if not any(isinstance(each, PolicyDefinition) for each in policies):
        return "There is no policy in these files." if files else "No policy is in force."
    return "Sound. No policy has a test: write `spec.tests` (docs/policy.md)."


def _print(found: shapes.PolicyExplanation) -> None:
    said = output.console()
    style = "green" if found.recorded.effect == "permit" else "bold red"
    said.print(f"{found.call_id} event {found.seq}, {found.time:%Y-%m-%d %H:%M:%S}", style="bold")
    said.print(f"{found.principal} {found.action} {found.resource}", markup=False)
    answers = (("decided", found.recorded), ("then", found.again), ("now", found.now))
    for name, answer in answers:
        by = f" by {', '.join(answer.policies)}" if answer.policies else ""
        number = counted(answer.persons, answer.persons)
        asks = f", asks {', '.join((number, *answer.terms))}" if answer.approval else ""
        line = f"  {name:<8} {answer.effect}{by}{asks}: {answer.reason}"
        said.print(line, style=style if name == "decided" else None, markup=False)
    for part, values in (found.inputs or {}).items():
        shown = ", ".join(f"{name}={value}" for name, value in values.items())
        said.print(f"  {part:<9} {shown}", style="dim", markup=False)
