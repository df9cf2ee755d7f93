"""``doctor``: findings on the screen as they are made, the worst of them as exit code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from runfold.surfaces.cli import exits, output
from runfold.surfaces.cli.context import Context, kafka_of
from runfold.surfaces.cli.faults import explained
from runfold.surfaces.cli.operations.stack.probing import probed
from runfold.surfaces.doctor.deployment import Deployment
from runfold.surfaces.doctor.examination import examine, servers_away
from runfold.surfaces.doctor.finding import Finding, Level, note, ok, wrong

_STYLE = {Level.OK: "green", Level.NOTE: "dim", Level.WARNING: "yellow", Level.WRONG: "bold red"}


def show_examination(context: Context, *, json: bool, probe: bool = False) -> int:
    """Print what is found; return 0 unless something is wrong, 69 where a server is away."""
    findings = list[Finding]()
    for each in _findings(context, findings, probe=probe):
        findings.append(each)
        if not json:
            _print(each)
    wrong = [each for each in findings if each.level is Level.WRONG]
    if json:
        output.as_json({"sound": not wrong, "findings": [asdict(each) for each in findings]})
    else:
        warnings = sum(each.level is Level.WARNING for each in findings)
        console = output.console()
        console.print(f"{len(wrong)} things are wrong, {warnings} need attention.")
    if servers_away(findings):
        return exits.UNAVAILABLE
    return exits.NO if wrong else exits.OK


def _findings(context: Context, before: list[Finding], *, probe: bool) -> Iterator[Finding]:
    """Yield what the doctor finds, and what a run shows where servers answer; ``before`` grows."""
    yield from examine(deployment_of(context), explained)
    if not probe:
        return
    if servers_away(before):
        yield note("probe", "not made, because servers are away")
        return
    try:
        seconds = probed(context)
    except Exception as error:  # noqa: BLE001 - it may meet anything in a broken system
        yield wrong("probe", explained(error)[0], "repair what is wrong above, then probe again")
    else:
        yield ok("probe", f"a run went from its request to the views in {seconds:.1f} s")


def deployment_of(context: Context) -> Deployment:
    """Return the deployment that this command line points at; raises StackError for none."""
    from runfold.stack import control

    return Deployment(
        kafka=kafka_of(context),
        reader=context.reader,
        engine=context.engine,
        home=context.settings.home,
        known=control.status(context.settings),
        registry_url=context.settings.schema_registry_url,
    )


def _print(found: Finding) -> None:
    from rich.text import Text

    console = output.console()
    line = Text(f"{found.level.value:<8}", _STYLE[found.level])
    console.print(line.append(f"{found.check:<13} {found.what}", "default"))
    if found.todo:
        console.print(Text(f"{'':<21} → {found.todo}"))
