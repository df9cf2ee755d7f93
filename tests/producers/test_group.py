"""Membership in the owners' group, on a real coordinator."""

from __future__ import annotations

import pytest

from runfold.events import topics
from runfold.producers.log.membership import Membership
from runfold.producers.log.ownership.group import GroupOwnership
from tests.support.stack import wait_until

pytestmark = pytest.mark.integration


def test_a_session_that_the_brokers_find_too_short_is_made_longer(bootstrap_servers: str) -> None:
    # The embedded broker allows a second; others six unless told otherwise.
    group = GroupOwnership(
        {"bootstrap.servers": bootstrap_servers},
        Membership("owners", topics.REQUESTS, "classic", 500),
    )
    given: list[int] = []
    group.start(given.extend, lambda _: None)

    def has_all() -> bool:
        group.poll(0.1)
        return sorted(given) == [0, 1, 2, 3]

    wait_until(has_all, 60)
    group.close()
    assert group.assigned() == frozenset()
