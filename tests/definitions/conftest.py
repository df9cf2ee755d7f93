from __future__ import annotations

from pathlib import Path

import pytest

from tests.definitions.given import Faults, Load, faults_of, loader


@pytest.fixture
def load(tmp_path: Path) -> Load:
    return loader(tmp_path)


@pytest.fixture
def faults(tmp_path: Path) -> Faults:
    return faults_of(tmp_path)
