"""One whole deployment on servers that demand everything, each process in its own name.

Kafka takes SCRAM over TLS and certificates of clients, and asks for every right; Postgres takes
SCRAM over TLS that is verified; each login has its one role; rows are kept apart; every request
must be signed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from runfold.events.topics import TOPICS
from runfold.infra.credentials.keys import new_key
from runfold.infra.credentials.signing import Signer
from runfold.infra.credentials.token import Claims, Token, issue
from runfold.infra.database import migrate, reads, roles_script
from runfold.infra.gateway import tables
from runfold.infra.kafka.rights import CLI, PROGRAMS
from runfold.processors.delivery import tables as delivery_tables
from runfold.projections import schema, separating
from runfold.stack.kafka.topics import ensure_topics
from runfold.stack.settings import Settings
from runfold.surfaces.cli.context import Context
from runfold.surfaces.cli.operations.stack.probing import probed
from tests.hard.isolation.postgres import Guarded, guarded, missing
from tests.hard.preflight.brokers import Secured, secured, secured_settings
from tests.hard.preflight.test_rights import ROOT
from tests.support import warm
from tests.support.stack import temporary_home, wait_until

WHY_NOT = missing()
pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "-"),
]

PROCESSES = {
    "runs": ("runfold-runs", "runfold.processors.run", ""),
    "tools": ("runfold-tools", "runfold.processors.tool", "login_tools"),
    "models": ("runfold-models", "runfold.processors.model", ""),
    "contexts": ("runfold-contexts", "runfold.processors.context", ""),
    "projector": ("runfold-projector", "runfold.projections", "login_projector"),
    "gateway": ("runfold-gateway", "runfold.surfaces.http", "login_gateway"),
    "delivery": ("runfold-delivery", "runfold.processors.delivery", "login_delivery"),
    "monitor": ("runfold-monitor", "runfold.processors.monitor", ""),
}
"""Users, each of them one process, with the login that it has at the database, if any."""

KEY = new_key()
AGENT = Path("examples/hello")


@dataclass(frozen=True, slots=True)
class Deployment:
    """What the test knows: the servers, and the settings of whoever works at a terminal."""

    kafka: Secured
    database: Guarded
    settings: Settings

    def cli(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a command of ``runfold`` in another process."""
        return subprocess.run(
            [sys.executable, "-m", "runfold.surfaces.cli", *words],
            env={**os.environ, **self.settings.to_env(), **env},
            cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip


def token(tenant: str, user: str) -> Token:
    from base64 import urlsafe_b64decode  # noqa: PLC0415

    until = datetime.now(UTC) + timedelta(hours=1)
    claims = Claims(tenant, user, int(until.timestamp()), f"of-{user}")
    return issue("k1", urlsafe_b64decode(KEY + "="), claims)


@pytest.fixture(scope="module")
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as made:
        yield made


@pytest.fixture(scope="module")
def deployment(patch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """Everything up, until the module ends."""
    with ExitStack() as open_:
        homes = [open_.enter_context(temporary_home()) for _ in range(3)]
        kafka = open_.enter_context(secured(homes[0]))
        database = open_.enter_context(guarded(homes[1], patch))
        ensure_topics(kafka.settings.kafka_config(), TOPICS, kafka.settings.partitions)
        _make_logins(database)
        owner = database.of("runfold_login_owner", "p")
        schema.ensure(owner)
        migrate.upgrade(owner)
        separating.settle(owner, on=True)
        reads.make(owner)
        tables.ensure(owner)
        delivery_tables.ensure(owner)
        kafka.enlist(*PROCESSES, "cli")
        for user, (program, _, _) in PROCESSES.items():
            kafka.allow(user, PROGRAMS[program].rights)
        for user in ("cli", "CN=client"):
            kafka.allow(user, PROGRAMS[CLI].rights)
        mine = replace(kafka.settings, home=homes[2])
        for user, (_, module, login) in PROCESSES.items():
            url = database.of(f"runfold_{login}", "p") if login else ""
            own = secured_settings(replace(mine, database_url=url), kafka.scram(user))
            open_.enter_context(_process(own, user, module))
        wait_until(lambda: all(_is_ready(homes[2], user) for user in PROCESSES), 240)
        reader = replace(mine, database_url=database.of("runfold_login_reader", "p"))
        yield Deployment(kafka, database, secured_settings(reader, kafka.scram("cli")))
        for user in PROCESSES:
            log = (homes[2] / f"{user}.log").read_text()
            assert "authorization failed" not in log.lower(), (user, log[-2000:])
            assert "permission denied" not in log.lower(), (user, log[-2000:])


def _is_ready(home: Path, user: str) -> bool:
    log = (home / f"{user}.log").read_text()
    assert "Error" not in log, (user, log[-3000:])
    return (home / f"{user}.ready").exists()


def _make_logins(database: Guarded) -> None:
    with psycopg.connect(database.url, autocommit=True) as connection:
        for statement in roles_script.statements("runfold"):
            connection.execute(statement.replace("'...'", "'p'").encode())
        name = urlsplit(database.url).path.strip("/")
        connection.execute(f"GRANT ALL ON DATABASE {name} TO runfold_login_owner".encode())
        connection.execute(b"ALTER ROLE runfold_login_owner CREATEROLE")


class _process:  # noqa: N801 - a context manager
    """A process of Runfold with settings, until the block ends."""

    def __init__(self, settings: Settings, user: str, module: str) -> None:
        env = {
            **os.environ,
            **settings.to_env(),
            "RUNFOLD_READY_FILE": str(settings.home / f"{user}.ready"),
            "RUNFOLD_CREDENTIALS": "require",
            "RUNFOLD_ROW_SECURITY": "1",
            "RUNFOLD_READS": "record",
            **({"RUNFOLD_SECRET_CREDENTIAL_KEYS": f"k1 {KEY}"} if user == "runs" else {}),
        }
        if not settings.database_url:
            env.pop("DATABASE_URL", None)
        self._log = (settings.home / f"{user}.log").open("wb")
        self._started = warm.start(module, env=env, stdout=self._log, stderr=self._log)

    def __enter__(self) -> None:
        """Nothing more is to be done."""

    def __exit__(self, *_: object) -> None:
        self._started.kill()
        self._started.wait()
        self._log.close()


def test_runfolds_own_run_goes_through_every_process(deployment: Deployment) -> None:
    context = Context()
    context.settings = context.attached = deployment.settings
    context.signer = Signer(token("*", "*"))
    try:
        probed(context)
    finally:
        context.close()
        context.engine.dispose()


def test_a_signed_request_runs_and_an_unsigned_one_is_refused_on_record(
    deployment: Deployment,
) -> None:
    applied = deployment.cli("apply", "-f", str(AGENT))
    assert applied.returncode == 0, applied.stderr
    asked = ("run", "Say hello", "--agent", "hello", "--follow")
    anna = {"RUNFOLD_TOKEN": str(token("acme", "anna"))}
    found = deployment.cli(*asked, **anna)
    assert found.returncode == 0, found.stderr + found.stdout
    refused = deployment.cli(*asked)
    assert refused.returncode == 2, refused.stdout
    assert "has no credential" in refused.stdout + refused.stderr
    posing = deployment.cli(*asked, "--tenant", "umbrella", **anna)
    assert posing.returncode == 2, posing.stdout
    assert "does not speak for this tenant" in posing.stdout + posing.stderr


def test_each_tenant_sees_its_own_run_in_the_database(deployment: Deployment) -> None:
    query = ("sql", "-c", "SELECT DISTINCT tenant_id FROM runs", "--json")
    owner = {"DATABASE_URL": deployment.database.of("runfold_login_owner", "p")}

    def seen(*more: str, **env: str) -> list[str]:
        found = deployment.cli(*query, *more, **env)
        assert found.returncode == 0, found.stderr
        return [row["tenant_id"] for row in json.loads(found.stdout)]

    wait_until(lambda: "acme" in seen(), 120)
    assert seen("--tenant", "acme", **owner) == ["acme"]
    assert seen("--tenant", "nobody", **owner) == []
    # A login that only reads may make no login of a tenant, and says so.
    told = deployment.cli(*query, "--tenant", "another")
    assert told.returncode != 0
    assert "may not make the login of a tenant" in told.stderr


def test_who_reads_a_run_is_on_record_also_by_a_login_that_only_reads(
    deployment: Deployment,
) -> None:
    found = deployment.cli("runs", "--json", RUNFOLD_READS="require", RUNFOLD_PURPOSE="a look")
    assert found.returncode == 0, found.stderr
    with psycopg.connect(deployment.database.of("runfold_login_reader", "p")) as connection:
        row = connection.execute("SELECT login, what, tenant, purpose FROM reads").fetchone()
    assert row == ("runfold_login_reader", "runs", "", "a look")


def test_the_gateway_works_with_its_own_login_and_puts_reads_on_record(
    deployment: Deployment,
) -> None:
    owner = {"DATABASE_URL": deployment.database.of("runfold_login_owner", "p")}
    words = ("keys", "create", "test", "--tenant", "acme", "--user", "anna")
    made = deployment.cli(*words, **owner)
    assert made.returncode == 0, made.stderr
    url = (deployment.settings.home / "gateway" / "url").read_text().strip()
    headers = {"authorization": f"Bearer {made.stdout.split()[0]}"}
    with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
        answers = [client.get(path) for path in ("/runs", "/approvals", "/costs", "/readyz")]
    assert [each.status_code for each in answers] == [200] * 4, [each.text for each in answers]
    with psycopg.connect(owner["DATABASE_URL"]) as connection:
        row = connection.execute(
            "SELECT login, claimed, what FROM reads WHERE what = 'GET /runs'"
        ).fetchone()
    assert row == ("runfold_login_gateway", "acme/anna", "GET /runs")


def test_a_client_with_a_certificate_is_let_in(deployment: Deployment) -> None:
    by_certificate = secured_settings(deployment.settings, deployment.kafka.by_certificate())
    deployed = replace(deployment, settings=by_certificate)
    found = deployed.cli(
        "run", "Say hello", "--agent", "hello", "--follow",
        RUNFOLD_TOKEN=str(token("acme", "anna")),
    )  # fmt: skip
    assert found.returncode == 0, found.stderr + found.stdout


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sslmode": "disable"}, "no pg_hba.conf entry|no encryption"),
        ({"sslrootcert": "/dev/null"}, "certificate"),
    ],
)
def test_postgres_lets_nobody_in_without_what_it_demands(
    deployment: Deployment, change: dict[str, str], said: str
) -> None:
    with pytest.raises(psycopg.OperationalError, match=said):
        psycopg.connect(deployment.database.of("runfold_login_reader", "p"), **change)
