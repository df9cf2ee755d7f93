"""What every test may ask for. Servers start when the first test asks, once a session."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from runfold.stack.settings import Settings
from tests.support import stack
from tests.support.authorities import share_authorities
from tests.support.order import known, longest_first

# How long an example takes says something of the machine, not of the code.
hypothesis_settings.register_profile(
    "runfold", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("runfold")

share_authorities()

# What a shell starts in the background has SIGINT ignored, and would hand that on.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Hand out the files that take longest first; `make test` keeps this order."""
    items[:] = longest_first(items, known())


@pytest.fixture(scope="session")
def servers() -> Iterator[stack.Servers]:
    """Kafka and Postgres, shared by the whole session."""
    with stack.servers() as found:
        yield found


@pytest.fixture
def database_url(servers: stack.Servers) -> Iterator[str]:
    """The address of an empty database of this test's own."""
    with stack.fresh_database(servers.database_url) as url:
        yield url


@pytest.fixture
def bootstrap_servers(servers: stack.Servers) -> str:
    """The address of a Kafka on which every topic of Runfold exists and is empty."""
    stack.fresh_topics(servers.settings)
    return servers.bootstrap_servers


@pytest.fixture
def settings(
    servers: stack.Servers, bootstrap_servers: str, database_url: str, tmp_path: Path
) -> Settings:
    """Settings for processes under test: empty topics, an empty database, a home of their own."""
    return replace(servers.settings.at(bootstrap_servers, database_url), home=tmp_path)


@pytest.fixture
def own_home() -> Iterator[Path]:
    """A home in which a test may run an embedded stack of its own."""
    with stack.temporary_home() as home:
        yield home
