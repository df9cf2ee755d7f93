"""Postgres: the tables' release, what views could not take, chains, claims, dead letters."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import psycopg
from confluent_kafka import KafkaException
from sqlalchemy import Connection, func, select, text

from runfold.events.avro.codec import Codec
from runfold.events.errors import RegistryError
from runfold.infra.database import migrate, preflight
from runfold.infra.deployment.binding import unfit, unseen
from runfold.infra.deployment.database import read
from runfold.infra.deployment.journal import journal_of
from runfold.producers.schema_registry.chosen import registry_of
from runfold.projections import queries, releases, schema
from runfold.projections.passed_by import TODO, passed_by
from runfold.projections.queries import OperatorViews
from runfold.projections.tables import dead_letters
from runfold.surfaces.doctor.deployment import Deployment
from runfold.surfaces.doctor.finding import Finding, note, ok, span, warning, wrong

_ORPHANS = (
    "SELECT c.tool, c.call_id, extract(epoch FROM now() - c.started_at)"
    " FROM tool_claims c LEFT JOIN tool_claim_owners o USING (owner)"
    " WHERE c.state = 'started' AND c.started_at < now() - make_interval(secs => :limit)"
    " AND (o.lives_until IS NULL OR o.lives_until < now() - make_interval(secs => :limit))"
    "{} ORDER BY c.started_at LIMIT 20"
)
# What a person has said of a call is on the journal; its claim stays as its process left it.
_UNSETTLED = (
    " AND NOT EXISTS (SELECT FROM tool_calls t WHERE t.tool_call_id = c.call_id"
    " AND t.status IN ('succeeded', 'failed', 'denied'))"
)


def check(deployment: Deployment) -> Iterator[Finding]:
    """Find tables that are missing or of another release."""
    with deployment.engine.connect() as connection:
        release = connection.execute(text("SELECT current_setting('server_version')")).scalar()
        yield ok("postgres", f"Postgres {release} answers")
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        for problem in preflight.problems(driver, [migrate.PART, schema.PART]):
            yield wrong("database", problem, "`runfold up` says the same, and then starts")
        yield from _of_another(deployment, driver)
        if not _has(connection, "projection_schema"):
            yield wrong(
                "tables",
                "the tables of the views are missing",
                "start the projector: `runfold up`, or python -m runfold.projections",
            )
            return
        found = releases.found(driver)
        version = found.version if found else None
        if found is not None and found.is_usable:
            yield note(
                "tables",
                f"the tables are of release {version}; this one, {schema.VERSION}, may write to "
                "them",
                "after the upgrade, `runfold rebuild` fills what its rows lack",
            )
        elif version != schema.VERSION:
            yield wrong(
                "tables",
                f"the tables are of release {version}, this Runfold knows {schema.VERSION}",
                "run the same release of Runfold everywhere; the newer projector brings them up",
            )
            return


def _of_another(deployment: Deployment, driver: psycopg.Connection) -> Iterator[Finding]:
    """Find that the database and the topics are of two deployments."""
    try:
        said = unfit(deployment.kafka, journal_of(deployment.kafka), read(driver))
    except (psycopg.Error, KafkaException) as error:
        yield note("database", unseen(error), "docs/secured.md lists what each process needs")
        return
    if said:
        yield wrong("database", said, "no process starts on these two")


def check_audit(deployment: Deployment) -> Iterator[Finding]:
    """Find broken chains, and events that views could not take, as far as views could be read."""
    with deployment.engine.connect() as connection:
        found = queries.audit_summary(OperatorViews(connection, "doctor"))
    if found.projection_failures:
        yield wrong(
            "views",
            f"{found.projection_failures} events could not be taken by a view",
            "see the table projection_failures; when the cause is repaired: `runfold rebuild VIEW`",
        )
    if found.broken_chains or found.starts_without_permit:
        yield wrong(
            "audit",
            f"{found.broken_chains} broken chains, {found.starts_without_permit} tool calls "
            "started without a permit",
            "`runfold audit verify` reads the journal itself and names every fault",
        )
    else:
        yield ok("audit", f"{found.runs} chains are whole, every tool call had its permit")


def check_passed_by(deployment: Deployment) -> Iterator[Finding]:
    """Find what an older projector could not read and went on from, and this release can."""
    codec = Codec(registry_of(deployment.registry_url))
    with deployment.engine.connect() as connection:
        try:
            found = passed_by(OperatorViews(connection, "doctor"), codec)
        except RegistryError as error:
            yield note("views", f"what older projectors passed by cannot be seen: {error}")
            return
    if found:
        yield warning("views", str(found), TODO)


def check_claims(deployment: Deployment) -> Iterator[Finding]:
    """Find claims whose owner died and which nobody has settled since."""
    with deployment.engine.connect() as connection:
        if not _has(connection, "tool_claims"):
            yield note("claims", "no tool with side effects has run here yet")
            return
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        yield from _claims_of_another_release(migrate.version(driver))
        limit = {"limit": deployment.limits.claim_orphaned_s}
        known = _UNSETTLED if _has(connection, "tool_calls") else ""
        rows = connection.execute(text(_ORPHANS.format(known)), limit).all()
    for tool, call_id, age in rows:
        yield wrong(
            "claims",
            f"{tool} was begun for call {call_id} {span(float(age))} ago, its process died, and "
            "nobody has settled it",
            f"`runfold status {call_id.rpartition('.')[0]}`; if it waits: find out whether it "
            f"happened, then `runfold resolve {call_id}`; else start a tool pool",
        )
    if not rows:
        yield ok("claims", "none is orphaned")


def _claims_of_another_release(found: migrate.Version | None) -> Iterator[Finding]:
    if found is None or found.number <= migrate.HEAD:
        return
    said = f"the tables of claims are of version {found.number}, this release knows {migrate.HEAD}"
    if found.is_usable:
        yield note("claims", f"{said} and may write to them")
    else:
        yield wrong("claims", said, "run the same release of Runfold everywhere")


def check_dead_letters(deployment: Deployment) -> Iterator[Finding]:
    """Find inputs of the last day that could not be used."""
    since = deployment.now() - timedelta(seconds=deployment.limits.letters_since_s)
    with deployment.engine.connect() as connection:
        columns = dead_letters.c
        query = select(func.count()).where(columns.time >= since)
        count = connection.execute(query.select_from(dead_letters)).scalar_one()
        newest = queries.list_dead_letters(OperatorViews(connection, "doctor"), 1)
    if not count:
        yield ok("dead letters", "none in the last day")
        return
    yield warning(
        "dead letters",
        f"{count} in the last day; the newest: {newest[0]['code']}, {newest[0]['reason']}",
        "`runfold deadletters`, and --show NO for all of one; correct what sent it",
    )


def _has(connection: Connection, table: str) -> bool:
    return connection.execute(text("SELECT to_regclass(:t)"), {"t": table}).scalar() is not None
