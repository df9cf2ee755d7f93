"""``backup`` and ``restore``: where the servers are, what is printed, and the exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from runfold.stack import control
from runfold.stack.errors import StackError
from runfold.stack.home import Home
from runfold.stack.kafka.topics import ensure_topics
from runfold.stack.settings import Settings
from runfold.surfaces.backup import place
from runfold.surfaces.backup.backup import backup, doubts
from runfold.surfaces.backup.plan import Plan, probes
from runfold.surfaces.backup.restore import read, restore
from runfold.surfaces.backup.telling import Told
from runfold.surfaces.cli import exits, output
from runfold.surfaces.cli.context import Context
from runfold.surfaces.cli.faults import CliError

_STORE = "artifacts"
_SERVERS = {"kafka", "postgres"}


def show_backup(context: Context, target: Path) -> int:
    """Make a back-up and say what it holds; 1 where it lacks something that is gone already."""
    place.need(target, context.settings.home)
    try:
        plan = _backed_up(context, target)
    except KeyboardInterrupt:
        raise CliError(
            f"Interrupted: {target} holds no whole back-up. Delete it before you make another.",
            exits.INTERRUPTED,
        ) from None
    lacks, moment = _tell_doubts(plan), plan.manifest.began_at
    _print(plan, f"The back-up of {moment:%Y-%m-%d %H:%M:%S} UTC is in {target}.")
    return exits.NO if lacks else exits.OK


def _backed_up(context: Context, target: Path) -> Plan:
    from runfold.producers.log.kafka import TopicReader

    with _servers(context.settings, new=False) as settings:
        kafka = settings.kafka_config()
        with output.progress("records") as progress:
            return backup(
                kafka,
                TopicReader(kafka, context.codec),
                context.codec,
                settings.database_url,
                settings.home / _STORE,
                target,
                Told(_tell, progress),
            )


def show_restore(context: Context, source: Path) -> int:
    """Restore a back-up and say what to do next; 1 where it lacks something."""
    plan = read(source, context.codec, _tell)
    lacks, home = _tell_doubts(plan), Home(context.settings.home)
    _need_unmarked(home)
    try:
        _restored(context.settings, plan)
    except KeyboardInterrupt:
        raise CliError(f"Interrupted: {_todo(context.settings)}", exits.INTERRUPTED) from None
    except Exception:
        if home.restoring.exists():
            _tell(f"the restore failed: {_todo(context.settings)}")
        raise
    count = plan.manifest.partitions
    _print(
        plan,
        f"Restored. Start the processes, with RUNFOLD_PARTITIONS={count} (`runfold up` starts "
        "those of this home): the views are folded from the journal, and open runs go on.",
    )
    return exits.NO if lacks else exits.OK


def _restored(settings: Settings, plan: Plan) -> None:
    with _servers(settings, new=True) as attached:
        there = replace(attached, partitions=plan.manifest.partitions)
        with output.progress("records, each written and read back") as progress:
            restore(
                plan,
                there.kafka_config(),
                there.database_url,
                there.home / _STORE,
                lambda specs, count: ensure_topics(there.kafka_config(), specs, count, mend=True),
                Told(_tell, progress),
            )


def _todo(settings: Settings) -> str:
    """Return what to do after a restore that did not finish."""
    if settings.bootstrap_servers and settings.database_url:
        if not Home(settings.home).restoring.exists():
            return "nothing was restored."
        return (
            "what was restored so far cannot be used. Delete Runfold's topics, its tables, and "
            f"{settings.home / _STORE} with {Home(settings.home).restoring}; then restore again."
        )
    return (
        f"what was restored so far cannot be used. Delete {settings.home} (`runfold down` first, "
        "where its servers run), and restore again."
    )


@contextmanager
def _servers(settings: Settings, *, new: bool) -> Iterator[Settings]:
    """Yield settings with the addresses of servers; those of a home that is down run meanwhile."""
    if settings.bootstrap_servers and settings.database_url:
        yield settings
        return
    known = control.status(settings)
    if known is not None:
        if new and {member.name for member in known.members} - _SERVERS:
            raise CliError(
                "Processes of Runfold run in this home: restore into an empty home "
                "(RUNFOLD_HOME) in which nothing runs.",
                exits.BAD_INPUT,
            )
        yield control.attach(settings)
        return
    if not new and not _has_data(settings.home):
        raise CliError(
            f"There is nothing in {settings.home} to back up: set RUNFOLD_HOME, or "
            "KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL.",
            exits.NOT_FOUND,
        )
    _need_unmarked(Home(settings.home))
    if new and _has_data(settings.home):
        raise CliError(
            f"{settings.home} holds a Kafka already: restore into a home (RUNFOLD_HOME) that is "
            "empty.",
            exits.BAD_INPUT,
        )
    running = control.up(settings, (), tied=True, report=_tell)
    try:
        yield running.settings
    finally:
        control.down(settings)


def _need_unmarked(home: Home) -> None:
    try:
        home.need_whole()
    except StackError as error:
        raise CliError(str(error), exits.BAD_INPUT) from error


def _has_data(home: Path) -> bool:
    kafka = Home(home).kafka
    return kafka.is_dir() and any(kafka.iterdir())


def _tell(line: str) -> None:
    output.console().print(f"  {line}")


def _tell_doubts(plan: Plan) -> list[str]:
    found = list(doubts(plan))
    for line in found:
        output.console().print(line, style="bold red")
    return found


def _print(plan: Plan, line: str) -> None:
    said, console = plan.manifest, output.console()
    records, probed = sum(each.records for each in said.topics), probes(plan.cuts)
    of_probes = f" ({probed} of them probes)" if probed else ""
    console.print(f"runs       {said.live_runs} live, {said.ended_runs} ended{of_probes}")
    console.print(f"records    {records:,} in {len(said.topics)} partitions")
    console.print(f"tables     {', '.join(f'{each.name} {each.rows:,}' for each in said.tables)}")
    console.print(f"artifacts  {len(said.artifacts):,}")
    console.print(line)
