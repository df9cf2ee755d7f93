"""The programs of the page on testing run, in a folder of a user, without servers."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.docs.given import ROOT, Block, blocks

PAGES = ("docs/testing.md", "docs/writing-tools.md")
PROGRAMS = [block for block in blocks() if block.page in PAGES]


@pytest.mark.parametrize("program", PROGRAMS, ids=str)
def test_a_program_of_the_page_runs(program: Block) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program.text],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_page_shows_a_tool_an_agent_and_time() -> None:
    assert [block.page for block in PROGRAMS].count("docs/testing.md") == 3


def test_the_page_of_tools_shows_a_function_its_context_its_errors_and_a_test() -> None:
    assert [block.page for block in PROGRAMS].count("docs/writing-tools.md") == 4
