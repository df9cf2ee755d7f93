"""One running product for this folder; each test has runs of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.support import stack
from tests.system.crash.product import Product, product


@pytest.fixture(scope="module")
def running(servers: stack.Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Run processor, tool pool and projector on empty topics and an empty database."""
    home = tmp_path_factory.mktemp("home")
    stack.fresh_topics(servers.settings)
    modules = {"RUNFOLD_TOOL_MODULES": "tests.system.crash.tools,tests.system.integration.tools"}
    with stack.fresh_database(servers.database_url) as url:
        settings = replace(servers.settings.at(servers.bootstrap_servers, url), home=home)
        with product(settings, home, env=modules) as started:
            yield started
