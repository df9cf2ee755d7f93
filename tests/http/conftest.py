"""A gateway that serves for as long as a module's tests last."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.deciders.given import request as asked
from tests.http.serving import Served, serving
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
