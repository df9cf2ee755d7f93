"""Short rounds of what the outside does beside dying: poison work, and a pool before Postgres."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.pgbouncer import FOUND, MISSING, pgbouncer
from tests.support.stack import temporary_home
from tests.system.torture.campaign import play
from tests.system.torture.faults.plan import FIXED, Settings
from tests.system.torture.judgement.verdict import Verdict
from tests.system.torture.round import Rules
from tests.system.torture.servers.servers import Servers, servers

SECONDS = 30.0
KINDS = ("kill", "term", "postgres")

pytestmark = [pytest.mark.integration, pytest.mark.crash, pytest.mark.timeout(400)]


def played(found: Servers, home: Path, rules: Rules) -> Verdict:
    settings = Settings(rules.seed, SECONDS, FIXED, every=4, servers_every=12, kinds=KINDS)
    return play(found, home / "round", rules, settings)


def test_calls_that_end_their_process_end_alone() -> None:
    rules = Rules(
        "poison/1",
        SECONDS,
        most_open=40,
        runs_per_s=3,
        again=0.2,
        settle_s=150,
        shapes="straight,told,parallel,deadly",
    )
    with temporary_home() as home, servers(home / "servers") as found:
        verdict = played(found, home, rules)
    assert verdict.violations == []
    assert verdict.deadly >= 2
    assert verdict.views_compared == verdict.runs > 20


@pytest.mark.skipif(FOUND is None, reason=MISSING)
def test_every_invariant_holds_with_a_pool_before_postgres() -> None:
    rules = Rules("pool/1", SECONDS, most_open=40, again=0.2, settle_s=150)
    with (
        temporary_home() as home,
        servers(home / "servers") as found,
        temporary_home() as folder,
        pgbouncer(found.settings.database_url, folder) as pool,
    ):
        place = urlsplit(pool).netloc

        def through(url: str) -> str:
            return urlsplit(url)._replace(netloc=place, query="").geturl()

        verdict = played(found, home, replace(rules, pooled=through))
        log = (folder / "pgbouncer.log").read_text(errors="replace")
    assert verdict.violations == []
    assert verdict.views_compared == verdict.runs > 20
    assert "login attempt" in log
