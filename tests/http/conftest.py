"""Gateways: one over a log in memory for each test, one on the real stack for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import httpx
import pytest

from runfold.surfaces.processes import PROCESSES
from tests.deciders.given import request as asked
from tests.docs.test_blocks import running
from tests.http.product import AGENT, SCRIPT, Product
from tests.http.serving import Served, serving
from tests.support import stack
from tests.support.builders.stories import WRITES
from tests.support.stack import wait_until
from tests.surfaces.answering import answering


@pytest.fixture
def served() -> Iterator[Served]:
    """A gateway with one run, which waits for a person."""
    with serving(answering(asked(), WRITES)) as found:
        yield found


@pytest.fixture
def client(served: Served) -> httpx.Client:
    """A client with a key of the run's tenant that grants everything."""
    return served.client()


@pytest.fixture(scope="package")
def product(servers: stack.Servers) -> Iterator[Product]:
    stack.fresh_topics(servers.settings)
    with ExitStack() as held:
        held.enter_context(pytest.MonkeyPatch.context()).setenv("RUNFOLD_MODEL_DELTAS", "on")
        home = held.enter_context(stack.temporary_home())
        url = held.enter_context(stack.fresh_database(servers.database_url))
        settings = replace(servers.settings.at(servers.bootstrap_servers, url), home=home)
        for process in PROCESSES:
            if not process.once and process.name != "monitor":
                held.enter_context(running(settings, process.name, process.arguments))
        wait_until((home / "gateway.ready").exists, 120)
        yield Product(settings)


@pytest.fixture(scope="package")
def acme(product: Product) -> Iterator[httpx.Client]:
    """A client of a tenant that has published its agent over HTTP."""
    with product.client(product.key("acme")) as client:
        answer = client.post("/definitions", json={"manifests": [SCRIPT, AGENT]})
        assert answer.status_code == 201, answer.text
        yield client
