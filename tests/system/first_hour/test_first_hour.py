"""An engineer, an analyst, a user of pipes, an operator and an auditor, on one shop's stack.

They come one after another, as in a company: each finds what those before have left.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import fastavro
import psycopg
import pytest

from tests.model.server import provider
from tests.support import stack
from tests.system.first_hour import shop
from tests.system.first_hour.person import Person

pytestmark = [pytest.mark.integration, pytest.mark.timeout(500)]

LOOKED = "count(*) FROM tool_invocations WHERE tool_name = 'prices.look' AND status = 'succeeded'"


@pytest.fixture(scope="module")
def engineer() -> Iterator[Person]:
    """An application engineer with an empty folder, and a key for a provider."""
    with stack.temporary_home() as home, provider() as model, pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "next", lambda: shop.answer_to(model.asked[-1]))
        folder = home / "project"
        folder.mkdir()
        (folder / "prices.yaml").write_text('"openai:gpt-4o": {input_mtok: 1, output_mtok: 2}\n')
        environment = {
            "OPENAI_API_KEY": "sk-first-hour",
            "OPENAI_BASE_URL": model.address,
            "PYTHONPATH": str(folder),
            "RUNFOLD_TOOL_MODULES": "shop_tools",
            "RUNFOLD_PRICES": str(folder / "prices.yaml"),
        }
        person = Person(folder, home / "home", environment)
        try:
            yield person
        finally:
            person.types("runfold down")


def test_the_engineer_s_own_tool_is_called_and_a_broken_one_is_named(engineer: Person) -> None:
    tools = engineer.folder / "shop_tools.py"
    tools.write_text(shop.TOOL.replace("from runfold", "from runfolder"))
    (engineer.folder / "agents.yaml").write_text(shop.AGENTS)
    (engineer.folder / "program.py").write_text(shop.PROGRAM)
    # A module that cannot be imported is a fault of the deployment, and nothing else.
    said = engineer.types("runfold up", 69)
    assert "shop_tools cannot be imported" in said
    assert "No module named 'runfolder'" in said
    assert "shop_tools cannot be imported" in engineer.types("runfold status", 69)
    tools.write_text(shop.TOOL)
    engineer.types("runfold restart runs tools")
    engineer.types("runfold status")
    engineer.types("runfold apply -f agents.yaml")
    said = engineer.types("python program.py")
    assert said.startswith("success 0 ")
    assert "shoe costs 40 euros" in said
    # The next version of the code is there after a restart of the pools alone.
    tools.write_text(shop.TOOL.replace("40", "45"))
    (engineer.folder / "agents.yaml").write_text(shop.AGENTS.replace("1.0.0", "1.1.0"))
    engineer.types("runfold restart runs tools")
    engineer.types("runfold apply -f agents.yaml")
    assert "shoe costs 45 euros" in engineer.types("python program.py")


def test_the_engineer_hears_of_a_setting_that_does_not_hold_yet(engineer: Person) -> None:
    said = engineer.types("runfold up", RUNFOLD_DRAIN_S="11")
    assert "RUNFOLD_DRAIN_S" in said
    assert "runfold restart" in said


def test_the_analyst_needs_sql_and_nothing_else(engineer: Person) -> None:
    analyst = Person(engineer.folder, engineer.home)
    analyst.sees(f"SELECT {LOOKED}", "2")
    said = analyst.types('runfold sql --csv -c "SELECT agent, sum(cost_usd) FROM costs GROUP BY 1"')
    assert said.splitlines()[0] == "agent,sum"
    assert said.splitlines()[1].startswith("clerk,0.")
    what = analyst.types(
        "runfold sql --csv -c \"SELECT col_description('runs'::regclass, 1)\""
    ).splitlines()
    assert len(what[1]) > 10
    assert "cannot" in analyst.types('runfold sql -c "DELETE FROM runs"', 65)
    # With a tool of their own, by the address that `status` shows.
    shown = analyst.reads("runfold status --show-password")
    url = next(v for v in _texts(shown) if v.startswith("postgresql://") and "reader" in v)
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM runs WHERE agent = 'clerk'").fetchone()
        assert row == (2,)
        connection.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE")
        connection.commit()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("UPDATE runs SET agent = 'x'")


def test_pipes_and_narrow_terminals(engineer: Person) -> None:
    user = Person(engineer.folder, engineer.home)
    run_id = user.runs("shoe", "clerk")
    assert user.types(f"runfold logs {run_id} --all | head -2").count("\n") == 2
    lines = user.types(f"runfold logs {run_id} --json").splitlines()
    assert all("type" in json.loads(line) for line in lines)
    for columns in (30, 60):
        # A terminal of this width; what goes into a pipe is never cut.
        said = user.types(f"script -qec 'stty cols {columns}; runfold runs' /dev/null")
        assert run_id[:8] in said
        assert max(map(len, _plain(said).splitlines())) <= columns
    assert "bogus" in user.types("runfold runs --status bogus", 65)
    assert "--max-cost" in user.types("runfold run x --max-cost -1", 64)
    assert user.types("runfold --version").startswith("runfold ")
    assert "no agent" in user.types("runfold run x --agent nobody --follow", 2).lower()


def test_the_operator_restarts_approves_backs_up_and_restores(engineer: Person) -> None:
    operator = Person(engineer.folder, engineer.home, engineer.environment)
    run_id = str(operator.reads("runfold run shoe --agent buyer")["run_id"])
    stack.wait_until(lambda: "orders.place" in operator.types("runfold approvals"), 90)
    operator.types("runfold restart")
    said = operator.types("runfold approvals")
    assert "shoe" in said
    assert "clerk" not in said
    operator.types(f"runfold backup {operator.home.parent}/monday")
    operator.types("runfold down")
    # The machine is lost; the back-up is not.
    shutil.rmtree(operator.home)
    operator.types(f"runfold restore {operator.home.parent}/monday")
    operator.types("runfold up")
    operator.types(f"runfold approve {run_id}.2 --reason 'it is needed'")
    assert "it is needed" in operator.types(f"runfold logs -f {run_id} --all")
    assert operator.reads(f"runfold status {run_id}")["status"] == "completed"
    operator.types("runfold doctor")


def test_the_auditor_finds_what_was_changed_in_a_copy(engineer: Person) -> None:
    auditor = Person(engineer.folder, engineer.home)
    assert "Sound:" in auditor.types("runfold audit verify")
    copy = auditor.home.parent / "copy"
    auditor.types(f"runfold backup {copy}")
    journal = _changed(copy, b"shoe costs 45 euros", b"shoe costs 11 euros")
    elsewhere = Person(auditor.folder, auditor.home.parent / "elsewhere")
    said = elsewhere.types(f"runfold restore {copy}", 65)
    assert journal.name in said
    assert "is not what the manifest says" in said
    # Who changes the manifest as well is found by the chain.
    manifest = copy / "manifest.json"
    told = json.loads(manifest.read_text())
    (of_file,) = [
        each["file"]
        for each in told["topics"]
        if (each["file"] or {}).get("path") == str(journal.relative_to(copy))
    ]
    of_file["size"] = journal.stat().st_size
    of_file["sha256"] = sha256(journal.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(told))
    try:
        elsewhere.types(f"runfold restore {copy}")
        elsewhere.types("runfold up")
        said = elsewhere.types("runfold audit verify", 1)
        assert "1 runs are not sound" in said
        assert re.search("chain|hash|digest", said), said
    finally:
        elsewhere.types("runfold down")


def _changed(copy: Path, before: bytes, after: bytes) -> Path:
    """Change what an event of a back-up says, as somebody would who has the files."""
    for file in sorted((copy / "topics" / "runs.events").glob("*.avro")):
        with file.open("rb") as opened:
            reader = fastavro.reader(opened)
            records, schema = [dict(each) for each in reader], reader.writer_schema  # type: ignore[call-overload]
        hit = [each for each in records if before in (each["value"] or b"")]
        if hit and schema is not None:
            hit[0]["value"] = hit[0]["value"].replace(before, after)
            with file.open("wb") as opened:
                fastavro.writer(opened, schema, records)
            return file
    raise AssertionError(f"no event says {before!r}")


def _plain(said: str) -> str:
    """Return what a terminal shows, without its colours."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", said)


def _texts(found: object) -> Iterator[str]:
    if isinstance(found, dict):
        for value in found.values():
            yield from _texts(value)
    elif isinstance(found, list):
        for value in found:
            yield from _texts(value)
    elif isinstance(found, str):
        yield found
