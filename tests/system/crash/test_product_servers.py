"""Kill the servers under the product: it sits the death out, and nothing is lost or doubled."""

from __future__ import annotations

from pathlib import Path

import pytest

from runfold.events.run import ToolCallStarted
from runfold.stack.settings import Settings
from tests.support.stack import Servers
from tests.system.crash.product import product

pytestmark = [pytest.mark.integration, pytest.mark.crash, pytest.mark.timeout(200)]


def test_servers_may_die_under_it(settings: Settings, servers: Servers, tmp_path: Path) -> None:
    if not servers.embedded:
        pytest.skip("only embedded servers can be killed")
    with product(settings, tmp_path) as running:
        for server, progress in (("kafka", 6), ("postgres", 30), ("kafka", 50)):
            running.ask_for(12)
            running.wait_for_events(ToolCallStarted, progress)
            servers.kill(server)
        assert running.judge() == []
        ended = [each.said() for each in running.processes.values() if each.exits]
        assert not ended, "\n".join((running.state(), *ended))
