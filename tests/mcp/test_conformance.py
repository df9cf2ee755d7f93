"""The official conformance suite, all of its scenarios, against the endpoint of the product."""

from __future__ import annotations

import re

import pytest

from tests.mcp.fixture import fixture_serving
from tests.mcp.foreign import conformance

pytestmark = pytest.mark.timeout(900)

SCENARIOS = 32


def test_the_official_suite_passes() -> None:
    with fixture_serving() as url:
        done = conformance("server", "--url", url, "--suite", "all")
    assert done.returncode == 0, done.stdout[-5_000:] + done.stderr[-2_000:]
    assert re.search(r"Total: (\d+) passed, 0 failed", done.stdout), done.stdout[-5_000:]
    assert len(re.findall(r"^✓ ", done.stdout, re.MULTILINE)) == SCENARIOS
