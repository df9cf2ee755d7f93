"""The demo: an agent at work on a real log, from an empty machine to its report and its audit.

1. the stack, tied to this process: however it ends, nothing is left running
2. the example's definitions, and a copy of the log in the workspace
3. the run, followed on the journal; a person approves what the agent is about to write
4. the report, the exit record, and three questions to the views
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import typer

from runfold.events.run import Event
from runfold.infra.settings.declared import variables
from runfold.producers.client import RunClient
from runfold.stack import control
from runfold.stack.settings import Settings
from runfold.surfaces.cli import exits, output
from runfold.surfaces.cli.context import Context
from runfold.surfaces.cli.demo import results
from runfold.surfaces.cli.demo.person import Person
from runfold.surfaces.cli.faults import CliError
from runfold.surfaces.cli.publishing import apply_manifests, workspace_of
from runfold.surfaces.cli.runs.watching import exit_code, followed, watch
from runfold.surfaces.processes import PROCESSES

AGENT = "log-triage"
_EXAMPLE = Path(__file__).parents[3] / "examples" / AGENT


def demo(context: Context, file: Path | None, *, yes: bool, keep: bool) -> int:
    """Run the demo and return the run's exit code.

    ``yes`` approves in the person's place; ``keep`` leaves the stack up. Ctrl-C cancels the run.
    """
    began = time.monotonic()
    _must_be_answerable(yes=yes)
    if file is not None:
        _must_be_there(file)
    with _stack(context, keep=keep) as settings:
        context.attached = settings
        log = _log_in_workspace(context, file)
        _publish(context)
        client = context.client("default", variables.USER.read())
        goal = f'Triage the log "{log.name}": what went wrong, when, and how often? Write a report.'
        run_id = client.request(goal, AGENT, source="demo", feature="demo")
        _title(f"Run {run_id}")
        last = _follow(context, client, run_id, yes=yes)
        _title("Report")
        results.show_report(last, workspace_of(context))
        _title("Exit record")
        results.show_exit(last)
        _title("Three questions to the views")
        results.show_queries(context, last)
    output.console().print(
        f"\nDone in {time.monotonic() - began:.1f} s. "
        + ("The stack is still up." if keep else "Nothing is left running; the data stays in ")
        + ("" if keep else f"{context.settings.home}."),
        style="dim",
    )
    return exit_code(last)


def _must_be_answerable(*, yes: bool) -> None:
    if not yes and not sys.stdin.isatty():
        raise CliError(
            "The agent will ask for your approval, and this is not a terminal: say `runfold demo "
            "--yes` (make demo YES=1) to approve beforehand.",
            exits.USAGE,
        )


def _must_be_there(log: Path, hint: str = "") -> None:
    if not log.is_file():
        raise CliError(f"There is no log file {log}.{hint}", exits.NOT_FOUND)


@contextmanager
def _stack(context: Context, *, keep: bool) -> Iterator[Settings]:
    """Start the stack where none is up; take down again what was started, whatever happens."""
    began = time.monotonic()
    console = output.console()

    def report(line: str) -> None:
        if line:
            console.print(f"  {time.monotonic() - began:5.1f}s  {line}", style="dim", markup=False)

    _title("Stack")
    running = control.up(context.settings, PROCESSES, tied=not keep, report=report)
    ours = not running.found and not keep
    try:
        found = "found" if running.found else "ready"
        console.print(f"  {time.monotonic() - began:5.1f}s  {found}: real Kafka at "
                      f"{running.bootstrap_servers}, real Postgres beside it")  # fmt: skip
        yield running.settings
    finally:
        if ours:
            control.down(context.settings)


def _log_in_workspace(context: Context, file: Path | None) -> Path:
    """Copy the log into the workspace, in place of the copy of an earlier demo."""
    log = file or context.settings.home / "logs" / "kafka.log"
    _must_be_there(log, " The broker is not ours, so its log is not here: give --file.")
    place = workspace_of(context) / log.name.replace('"', "'")
    new = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        shutil.copyfile(log, new)
        new.replace(place)
    finally:
        new.unlink(missing_ok=True)
    console = output.console()
    console.print(
        f"  log     {log} ({place.stat().st_size:,} bytes), copied to {place}", markup=False
    )
    return place


def _publish(context: Context) -> None:
    report, _ = apply_manifests(context, [_EXAMPLE], "demo")
    if report.refused:
        raise CliError(report.refused[0].reason, exits.BAD_INPUT)
    known = len(report.published) + len(report.unchanged)
    console = output.console()
    console.print(f"  agent   {AGENT}: {known} definitions, {len(report.published)} of them new")
    console.print(f"  model   {_model()}", markup=False)


def _model() -> str:
    from runfold.processors.model.names import resolve
    from runfold.processors.model.providers.settings import ModelSettings

    chosen = resolve(f"default:{AGENT}", ModelSettings.from_environment().configured)
    if chosen.startswith("scripted:"):
        return (
            "scripted: no key is set, so a script stands in for a model (set OPENAI_API_KEY, "
            "ANTHROPIC_API_KEY or OPENAI_BASE_URL to use one)"
        )
    return chosen


def _follow(context: Context, client: RunClient, run_id: str, *, yes: bool) -> Event:
    """Watch the run to its end, answering what it asks; cancel it when the person leaves."""
    somebody = Person(client, run_id, yes=yes)
    try:
        events = followed(context, context.runs(client.tenant_id, client.user_id), run_id)
        last = watch(events, live=False, then=somebody.hear)
    except KeyboardInterrupt:
        with suppress(Exception):
            client.cancel(run_id, "the demo was interrupted")
            client.completion(run_id, timeout=5)
        typer.echo("\nInterrupted: the run is cancelled.", err=True)
        raise
    if last is None:
        raise CliError("The run left no event; see `runfold deadletters`.", exits.TRY_AGAIN)
    return last


def _title(text: str) -> None:
    from rich.text import Text

    output.console().rule(Text(text, "bold"), align="left", style="dim")
