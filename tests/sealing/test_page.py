"""The recipe of docs/sealing.md opens what this release seals."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runfold.events.sealing.form import bytes_form
from runfold.events.sealing.sealing import place_of
from runfold.infra.keys.data_key import AesDataKey

PAGE = Path(__file__).parents[2] / "docs" / "sealing.md"


def test_the_recipe_for_other_languages_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    scope: dict[str, object] = {}

    exec(block, scope)

    assert capsys.readouterr().out == 'b\'{"summary":"done"}\'\n'
    key = AesDataKey(bytes(range(12)), "acme", bytes(range(32)))
    run_id = "01a22f94-6af2-7248-8000-000000000001"
    place = place_of("acme", run_id, "RunCompleted") + b"exit.payload.inline"
    assert bytes_form(key.seal(place, b'{"summary":"done"}')) == scope["inline"]
