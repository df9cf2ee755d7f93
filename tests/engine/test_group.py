"""Membership in the owners' group, on a real coordinator."""

from __future__ import annotations

import pytest

from runfold.processors.engine.config import GroupConfig
from runfold.processors.engine.ownership.group import GroupOwnership
from tests.engine.host import config
from tests.support.stack import wait_until

pytestmark = pytest.mark.integration


def test_a_session_that_the_brokers_find_too_short_is_made_longer(bootstrap_servers: str) -> None:
    # The embedded broker allows a second; others six unless told otherwise.
    group = GroupOwnership(config(bootstrap_servers, 4), GroupConfig("classic", 500))
    given: list[int] = []
    group.start(given.extend, lambda _: None)

    def has_all() -> bool:
        group.poll(0.1)
        return sorted(given) == [0, 1, 2, 3]

    wait_until(has_all, 60)
    group.close()
    assert group.assigned() == frozenset()
