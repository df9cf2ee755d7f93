"""A gateway with the MCP server mounted, over a log in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from runfold.surfaces.http.gateway import Gateway
from runfold.surfaces.http.mounted import Beside
from runfold.surfaces.mcp.mounting import mounted
from tests.deciders.given import request as asked
from tests.http.serving import Served, serving
from tests.support.builders.stories import WRITES
from tests.surfaces.answering import answering


def mounting(gateway: Gateway, _url: str, **more: Any) -> Beside:
    """Return what a gateway serves of MCP."""
    return Beside(mounted(gateway, **more))


@contextmanager
def mcp_serving(**more: Any) -> Iterator[Served]:
    """Serve a gateway of a test's own, with the endpoint."""
    with serving(mounted=mounting, **more) as served:
        yield served


@pytest.fixture
def served() -> Iterator[Served]:
    """A gateway with one run, which waits for a person."""
    with serving(answering(asked(), WRITES), mounted=mounting) as found:
        yield found
