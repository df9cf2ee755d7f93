"""Every block that a page marks with `run` is run, on the whole product and real servers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from runfold.infra.process.ready import READY_FILE
from runfold.stack.settings import Settings
from runfold.surfaces.processes import PROCESSES
from tests.docs.given import ROOT, Block, blocks
from tests.projections.running import wait_caught_up
from tests.support import stack, warm

# Many commands one after another, each a new interpreter: a busy machine takes many times the
# seconds of an idle one.
_PATIENCE_S = 400

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

CHANNELS = {
    "RUNFOLD_CHANNELS_FILE": "examples/channels/channels.conf",
    "RUNFOLD_SECRET_SLACK_SIGNING_SECRET": "8f742231b10e",
    "RUNFOLD_SECRET_TEAMS_WEBHOOK_TOKEN": "dGVzdC1rZXktb2YtMzItYnl0ZXMtZm9yLXRlYW1zLi4=",
}
"""As docs/channels.md says to try channels without a workspace."""

_KEYS = ("_API_KEY", "_BASE_URL", "_MODEL", "_PROVIDERS")


def environment(settings: Settings) -> dict[str, str]:
    """The variables of a process on these servers, speaking to no model but scripts."""
    own = {name: value for name, value in os.environ.items() if not name.endswith(_KEYS)}
    scripts = str(Path(sys.executable).parent)
    return {**own, **settings.to_env(), "PATH": f"{scripts}:{own.get('PATH', '')}"}


@contextmanager
def running(settings: Settings, name: str, arguments: tuple[str, ...]) -> Iterator[None]:
    """A process of the product, of which ``arguments`` are ``-m``, a module, and its own."""
    _, *words = arguments
    with (settings.home / "process.log").open("ab") as log:
        process = warm.start(
            *words,
            env={**environment(settings), READY_FILE: str(settings.home / f"{name}.ready")},
            stdout=log,
            stderr=log,
        )
        try:
            yield
            assert process.poll() is None, (settings.home / "process.log").read_text()[-3000:]
        finally:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def product(servers: stack.Servers) -> Iterator[Settings]:
    """Everything that `runfold up` runs, on empty topics and tables."""
    stack.fresh_topics(servers.settings)
    with ExitStack() as held:
        said = held.enter_context(pytest.MonkeyPatch.context())
        for name, value in CHANNELS.items():
            said.setenv(name, value)
        home = held.enter_context(stack.temporary_home())
        url = held.enter_context(stack.fresh_database(servers.database_url))
        settings = replace(servers.settings.at(servers.bootstrap_servers, url), home=home)
        for process in PROCESSES:
            # The monitor may end to be started again, and here is no supervisor to do it.
            if not process.once and process.name != "monitor":
                held.enter_context(running(settings, process.name, process.arguments))
        yield settings


def run(block: Block, settings: Settings) -> str:
    """Run a block and return what it says; a failure shows its output."""
    if block.language == "sql":
        wait_caught_up(settings)
        with psycopg.connect(settings.database_url) as connection:
            return repr(connection.execute(block.text.encode()).fetchall())
    programs = {"bash": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}
    done = subprocess.run(
        [*programs[block.language], block.text],
        env=environment(settings), cwd=ROOT, capture_output=True, text=True, timeout=_PATIENCE_S,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_readme_shows_how_to_publish_ask_and_query() -> None:
    shown = [block.language for block in blocks() if block.page == "README.md"]

    assert shown == ["bash", "python", "sql", "sql"]


def test_every_process_says_when_it_does_its_work(product: Settings) -> None:
    wanted = {
        f"{process.name}.ready"
        for process in PROCESSES
        if not process.once and process.name != "monitor"
    }

    stack.wait_until(lambda: wanted == {file.name for file in product.home.glob("*.ready")})


def test_every_block_runs(product: Settings) -> None:
    said = {str(block): run(block, product) for block in blocks()}
    by_language = [said[str(block)] for block in blocks() if block.page == "README.md"]

    published, program, rows, unlawful = by_language
    run_id, ended, code = program.split()
    assert "published  agent/hello@1.0.0" in published
    assert (ended, code) == ("success", "0")
    assert run_id in rows
    assert "'hello', 'completed', 0, 1, 0" in rows
    assert "runfold-probe" not in rows
    assert unlawful == "[]"


def test_a_run_outlives_whoever_asked_for_it(product: Settings) -> None:
    asked = Block("", "bash", "runfold apply -f examples/hello >&2; runfold run bye", 0)
    run_id = run(asked, product).strip()
    looked = Block("", "bash", f"runfold logs -f {run_id} >&2; runfold status {run_id} --json", 0)

    assert '"completed"' in run(looked, product)
