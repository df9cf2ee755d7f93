"""Two providers on local ports."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runfold.processors.model.providers.settings import ModelSettings
from tests.model import server
from tests.model.given import KEY, settings


@pytest.fixture
def openai() -> Iterator[server.Provider]:
    with server.provider() as found:
        yield found


@pytest.fixture
def anthropic() -> Iterator[server.Provider]:
    with server.provider() as found:
        yield found


@pytest.fixture
def both(openai: server.Provider, anthropic: server.Provider) -> ModelSettings:
    """Settings with a key for each of the two local providers."""
    return settings(
        OPENAI_API_KEY=KEY,
        OPENAI_BASE_URL=openai.address,
        ANTHROPIC_API_KEY=KEY,
        ANTHROPIC_BASE_URL=anthropic.address,
    )
