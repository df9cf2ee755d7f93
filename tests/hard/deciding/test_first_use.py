"""What Python does at the first use of something is done before anything is decided."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FIRST_USE = """
import sys
from runfold.events.json_schema import loaded
names = ["utf-8", *(f"utf-{width}{end}" for width in (16, 32) for end in ("", "-le", "-be"))]
texts = [b'\\xef\\xbb\\xbf{"a": 1}', *('{"a": 1}'.encode(name) for name in names)]
opened = []
sys.addaudithook(lambda event, given: opened.append(given) if event == "open" else None)
assert [loaded(text) for text in texts] == [{"a": 1}] * 8
assert not opened, opened
"""


def test_a_text_in_any_encoding_of_json_opens_no_file() -> None:
    """A fresh process, since what other tests imported would hide it."""
    ended = subprocess.run(
        [sys.executable, "-c", FIRST_USE],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
