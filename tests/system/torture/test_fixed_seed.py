"""The tier of torture that belongs to every test run: one seed, one minute of faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.stack import temporary_home
from tests.system.torture.campaign import play
from tests.system.torture.faults.plan import FIXED, Settings
from tests.system.torture.round import Rules
from tests.system.torture.servers.servers import servers

SEED = "fixed/1"
SECONDS = 45.0

pytestmark = [pytest.mark.integration, pytest.mark.crash, pytest.mark.timeout(240)]


def test_every_invariant_holds_under_the_faults_of_a_fixed_seed() -> None:
    with temporary_home() as home, servers(home / "servers") as found:
        rules = Rules(SEED, SECONDS, FIXED, most_open=60, again=0.2, engine={"park_after": 1.5})
        settings = Settings(SEED, SECONDS, FIXED, every=1.5)
        verdict = play(found, Path(home / "round"), rules, settings)
    assert verdict.violations == []
    # A round in which nothing died or came twice would prove nothing.
    assert verdict.kills >= 10
    assert verdict.suppressed > 0
    assert verdict.poison > 0
    assert verdict.views_compared == verdict.runs > 50
