"""Gateways: one over a log in memory for each test, one on the real stack for all of them."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.deciders.given import request as asked
from tests.http.product import AGENT, SCRIPT, Product, standing
from tests.http.serving import Served, serving
from tests.support import stack
from tests.support.builders.stories import WRITES
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
    with standing(servers) as found:
        yield found


@pytest.fixture(scope="package")
def acme(product: Product) -> Iterator[httpx.Client]:
    """A client of a tenant that has published its agent over HTTP."""
    with product.client(product.key("acme")) as client:
        answer = client.post("/definitions", json={"manifests": [SCRIPT, AGENT]})
        assert answer.status_code == 201, answer.text
        yield client
