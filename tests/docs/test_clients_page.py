"""docs/clients.md shows the programs of examples/clients as they are, and knows only real codes."""

from __future__ import annotations

import re

from runfold.events.topics import TOPICS
from runfold.surfaces.docs import clients
from tests.docs.given import ROOT, tracked

PAGE = (ROOT / clients.PAGE).read_text(encoding="utf-8")
PROGRAMS = {".py", ".ts", ".mjs", ".go", ".java"}


def test_every_program_is_on_the_page_as_it_stands() -> None:
    shown = {name for name, _ in clients.SHOWN.findall(PAGE)}
    there = {
        str(file.relative_to(ROOT))
        for file in tracked()
        if "examples/clients" in str(file)
        and file.suffix in PROGRAMS
        # What is generated is in the document already.
        and file.name != "api.ts"
    }

    assert len(there) >= 8
    assert shown == there
    for name in there:
        assert (ROOT / name).read_text(encoding="utf-8") in PAGE
    assert clients.page() == PAGE


def test_a_changed_program_is_noticed() -> None:
    one = "<!-- examples/clients/go/main.go -->\n```go\n// another\n```"

    assert "package main" in clients.SHOWN.sub(clients._shown, one)


def test_the_codes_of_the_page_are_those_of_the_reference_pages() -> None:
    letters = (ROOT / "docs/operations.md").read_text().partition("## Dead letters")[2]
    refusals = (ROOT / "docs/guarantees.md").read_text().partition("Refusals at admission")[2]
    table = PAGE.partition("## A request")[2].partition("Two headers")[0]
    dead = [
        code
        for named in re.findall(r"dead letter ((?:`\w+`(?:, )?)+)", table)
        for code in re.findall(r"`(\w+)`", named)
    ]
    refused = [
        code
        for named in re.findall(r"with code ((?:`\w+`(?:, )?)+)", table)
        for code in re.findall(r"`(\w+)`", named)
    ]

    assert len(dead) >= 6
    assert len(refused) >= 4
    assert [code for code in dead if f"`{code}`" not in letters] == []
    assert [code for code in refused if f"`{code}`" not in refusals] == []


def test_the_page_says_of_each_topic_how_it_is_stored() -> None:
    rows = re.findall(r"^\| (`.+?) \| not compressed", PAGE, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([\w.]+)`", row)}
    plain = {each.name for each in TOPICS if each.config["compression.type"] == "uncompressed"}

    assert named == plain
