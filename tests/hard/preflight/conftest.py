"""One secured broker for all tests of this room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hard.preflight.brokers import Secured, secured
from tests.support.stack import temporary_home


@pytest.fixture(scope="session")
def guarded() -> Iterator[Secured]:
    """A broker with a listener of each kind, and an authorizer."""
    with temporary_home() as home, secured(home) as found:
        yield found
