"""The programs of the page on testing run, in a folder of a user, without servers."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.docs.given import ROOT, Block, blocks

PROGRAMS = [block for block in blocks() if block.page == "docs/testing.md"]


@pytest.mark.parametrize("program", PROGRAMS, ids=str)
def test_a_program_of_the_page_runs(program: Block) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program.text],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_page_shows_a_tool_an_agent_and_time() -> None:
    assert len(PROGRAMS) == 3
