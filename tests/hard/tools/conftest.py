"""Children that many tests share: to import their module takes longer than most calls."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hard.tools.nest import Nest

CRM = "s3cret-of-the-crm"
OTHER = "s3cret-of-others"


@pytest.fixture(scope="session")
def nest() -> Iterator[Nest]:
    with Nest(secrets={"crm": CRM}, masks=(OTHER,)) as shared:
        yield shared
