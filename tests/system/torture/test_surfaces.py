"""Runs over HTTP while gateways and the deliverer die: at length in `make torture`."""

from __future__ import annotations

import pytest

from tests.support.stack import temporary_home
from tests.system.torture.campaign import provoke
from tests.system.torture.judgement import report
from tests.system.torture.servers.servers import servers
from tests.system.torture.surfaces.worlds import REACHED_SHORT

pytestmark = [pytest.mark.integration, pytest.mark.crash, pytest.mark.timeout(400)]


def test_what_a_gateway_acknowledged_is_kept_whatever_dies() -> None:
    with temporary_home() as home, servers(home / "servers") as found:
        verdict = provoke(found, home / "round", REACHED_SHORT)
    print(report.line(verdict))
    assert verdict.violations == []
    # What did not happen was not shown.
    reached = verdict.surfaces
    assert reached["acknowledged over surfaces"] > 15
    assert reached["refused"] > 0
    assert reached["controls"] > 2
    assert reached["cuts of streams"] > 10
    assert verdict.kills >= 5
