"""Every incident is caused on the whole product, and its page followed to the end."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest

from runfold.events import topics
from runfold.stack import control
from runfold.stack.settings import Settings
from runfold.surfaces.cli import exits
from runfold.surfaces.cli.__main__ import run
from runfold.surfaces.cli.context import Context
from tests.runbooks.alerts import Alerts, impatient, shipped
from tests.runbooks.pages import FOLDER, Page
from tests.support import journal, stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
AGENTS = str(HERE / "incidents" / "agents.yaml")
ENVIRONMENT = {"RUNFOLD_TOOL_MODULES": "tests.runbooks.tools", "PYTHONPATH": str(ROOT)}


@dataclass
class Operator:
    """Somebody at the command line of a home, who types what a page says."""

    settings: Settings
    alerts: Alerts
    page: Page = field(default_factory=lambda: Page("README"))

    def __call__(self, *arguments: str, code: int | None = exits.OK) -> str:
        """Run a command and return what it says; None takes any exit code."""
        context = Context()
        context.settings = self.settings
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            left = run(arguments, context)
        if "engine" in vars(context):
            context.engine.dispose()
        assert code is None or left == code, f"{arguments}: {left}\n{said.getvalue()}"
        return said.getvalue()

    def types(self, line: str, code: int | None = exits.OK, **stands_for: str) -> str:
        """Type a line of the page."""
        return self(*self.page.command(line, **stands_for), code=code)

    def asks(self, query: int = 0) -> list[tuple[Any, ...]]:
        """Ask the page's query of this number."""
        running = control.attach(self.settings)
        with psycopg.connect(running.database_url) as connection:
            return connection.execute(self.page.queries[query].encode()).fetchall()

    def begins(self, agent: str, goal: str = "Rome") -> str:
        """Ask for a run and return its id."""
        return str(json.loads(self("run", goal, "--agent", agent, "--json"))["run_id"])

    def sees(self, run_id: str, *statuses: str) -> dict[str, Any]:
        """Wait until a run has come to one of these statuses; what ``status RUN`` says of it."""
        until = time.monotonic() + 60
        while True:
            said = self("status", run_id, "--json", code=None)
            if said.startswith("{") and (found := json.loads(said))["status"] in statuses:
                return dict(found)
            assert time.monotonic() < until, said
            time.sleep(0.1)

    def waits_for_views(self, run_id: str) -> None:
        """Wait until the views have all that the journal has of a run."""
        seq = json.loads(self("status", run_id, "--json", code=None))["seq"]
        stack.wait_until(lambda: self._seen(run_id) >= seq)

    def _seen(self, run_id: str) -> int:
        running = control.attach(self.settings)
        with psycopg.connect(running.database_url) as connection:
            query = "SELECT coalesce(max(last_seq), 0) FROM audit WHERE run_id = %s"
            row = connection.execute(query, (run_id,)).fetchone()
        return int(row[0]) if row else 0


@pytest.fixture(scope="module")
def product() -> Iterator[Operator]:
    """A stack with every process, and the agents published that go wrong."""
    with stack.temporary_home() as home, pytest.MonkeyPatch.context() as patch:
        rules = home / "rules.yaml"
        rules.write_text(impatient())
        for name, value in {**ENVIRONMENT, "RUNFOLD_MONITOR_RULES": str(rules)}.items():
            patch.setenv(name, value)
        settings = stack.embedded_settings(home)
        operator = Operator(settings, Alerts(settings))
        operator("up")
        try:
            operator("apply", "-f", AGENTS)
            yield operator
        finally:
            operator("down")


@pytest.fixture
def operator(product: Operator, request: pytest.FixtureRequest) -> Iterator[Operator]:
    """The operator with the page of the test's own incident, all of which must be typed."""
    name = request.node.name.removeprefix("test_").replace("_", "-")
    product.page = Page(name)
    yield product
    assert product.page.untyped() == set()


def call_of(run: dict[str, Any]) -> str:
    """The call that a run waits for."""
    return str(run["waits_for"][0]["call_id"])


def test_hallucinated_progress(operator: Operator) -> None:
    run_id = operator.begins("boaster")
    operator.sees(run_id, "completed")
    operator.waits_for_views(run_id)
    assert run_id in {row[0] for row in operator.asks()}
    said = operator.types("runfold logs RUN --all", RUN=run_id)
    assert "number B-7" in said
    assert "is running" not in said
    assert "Sound:" in operator.types("runfold audit verify RUN", RUN=run_id)
    live = operator.begins("asker")
    operator.sees(live, "waiting_for_human")
    said = operator.types(
        'runfold instruct RUN "Report only what a tool has answered. Check again before you say '
        'done."', RUN=live,
    )  # fmt: skip
    assert "new instructions" in said
    operator.types('runfold cancel RUN --reason "claims what no tool has said"', RUN=live)
    assert operator.sees(live, "cancelled")["exit"]["exit_code"] == 5
    assert "unchanged" in operator.types("runfold apply -f FILE", FILE=AGENTS)


def test_tool_time_out(operator: Operator) -> None:
    late, lost = operator.begins("booker"), operator.begins("booker", "Oslo")
    for run_id in (late, lost):
        operator.sees(run_id, "waiting_for_human")
        operator.waits_for_views(run_id)
    quoted = operator.begins("quoter")
    operator.sees(quoted, "failed")
    operator.waits_for_views(quoted)
    operator.alerts.raised("tools-work", "trips.book")
    operator.alerts.raised("approval-waits", "default")
    operator.alerts.raised("tool-timeouts", "trips.quote")
    assert "trips.quote" in {row[0] for row in operator.asks(0)}
    (row,) = [row for row in operator.asks(0) if row[0] == "trips.book"]
    assert row[1:3] == ("uncertain", 2)
    # The alerts of this incident are among what is wrong.
    assert "tools-work" in operator.types("runfold doctor", None)
    assert "waits for" in operator.types("runfold status RUN", exits.TRY_AGAIN, RUN=late)
    calls = {row[0]: row[2] for row in operator.asks(1)}
    (call,) = [call for call in calls if call.startswith(late)]
    assert calls[call] == {"where": "Rome"}
    operator.types("""runfold resolve CALL --happened --result '{"booking": "B-7"}'""", CALL=call)
    assert operator.sees(late, "completed")["exit"]["payload"]["summary"] == "B-7"
    (again,) = [call for call in calls if call.startswith(lost)]
    operator.types(
        'runfold resolve CALL --did-not-happen --reason "not in the booking system"', CALL=again
    )
    # It was made again, and is again cut off.
    call = call_of(operator.sees(lost, "waiting_for_human"))
    operator("resolve", call, "--happened", "--result", '{"booking": "B-8"}')
    operator.sees(lost, "completed")
    operator.alerts.cleared("approval-waits", "default")
    operator.alerts.cleared("tools-work", "trips.book")
    operator.alerts.cleared("tool-timeouts", "trips.quote")
    operator.types("runfold apply -f FILE", FILE=AGENTS)


def test_cascading_failure(operator: Operator) -> None:
    # The fifth failure in a row opens the tool's breaker: the last of six attempts is held first.
    runs = [operator.begins("unlucky", f"shoe {number}") for number in range(3)]
    for run_id in runs:
        assert operator.sees(run_id, "failed")["exit"]["exit_code"] == 1
        operator.waits_for_views(run_id)
    operator.alerts.raised("runs-succeed", "unlucky")
    operator.alerts.raised("tools-work", "stock.look")
    failed = operator.types("runfold runs --status failed --since 1h")
    assert failed.count("unlucky") == 3
    assert operator.asks()[0][0::2] == ("unlucky", 3)
    logs = [operator.types("runfold logs RUN --all", RUN=run_id) for run_id in runs]
    assert sum("left alone for a while" in each for each in logs) >= 1
    said = operator.types("runfold logs RUN --all", RUN=runs[0])
    assert "stock.look failed: ConnectionError: no connection" in said
    assert "attempt 2" in said
    operator.types("runfold doctor", None)
    held = operator.begins("asker")
    operator.sees(held, "waiting_for_human")
    operator.types('runfold pause RUN --reason "provider is down"', RUN=held)
    operator.sees(held, "paused")
    operator.types("runfold resume RUN", RUN=held)
    operator.sees(held, "waiting_for_human")
    operator("cancel", held)
    operator.types("runfold costs --by agent,model --since 1h")
    spent = json.loads(operator("costs", "--by", "agent", "--json"))
    (unlucky,) = [row for row in spent if row["agent"] == "unlucky"]
    # Three runs, two attempts each at half a dollar, one of the two a retry, all in vain.
    amounts = [Decimal(unlucky[name]) for name in ("cost_usd", "retry_usd", "wasted_usd")]
    assert amounts == [3, Decimal("1.5"), 3]
    run_id = operator.types('runfold run "the goal" --agent AGENT', AGENT="boaster").strip()
    operator.sees(run_id, "completed")
    operator.alerts.cleared("runs-succeed", "unlucky")
    operator.alerts.cleared("tools-work", "stock.look")


def test_cost_spike(operator: Operator, tmp_path: Path) -> None:
    run_id = operator.begins("spender")
    operator.sees(run_id, "failed")
    operator.waits_for_views(run_id)
    operator.alerts.raised("cost-velocity", "default")
    operator.alerts.raised("cost-spike", "spender")
    assert "spender" in operator.types("runfold costs --by tenant,agent --since 1h").splitlines()[1]
    by_tool = operator.types("runfold costs --by model,tool --since 1h")
    assert "$30.00" in by_tool.splitlines()[1]
    assert any("scripted:spender" in x and x.endswith("unpriced") for x in by_tool.splitlines())
    assert run_id in operator.types("runfold costs --by run --since 1h").splitlines()[1]
    assert "max_cost reached: 30" in operator.types("runfold logs RUN", RUN=run_id)
    circling = operator.begins("asker")
    operator.sees(circling, "waiting_for_human")
    operator.types('runfold cancel RUN --reason "costs more than it is worth"', RUN=circling)
    assert "120%" in operator.types("runfold costs budgets --since 1d")
    operator.types("runfold apply -f FILE", FILE=AGENTS)
    operator.waits_for_views(circling)
    assert "Equal to the last digit" in operator.types("runfold costs verify")
    prices = tmp_path / "prices.yaml"
    prices.write_text('"scripted:*": {input_mtok: 1, output_mtok: 2}\n')
    said = operator.types("runfold costs reprice --prices FILE --since 7d", FILE=str(prices))
    assert "scripted:spender" in said
    operator.alerts.cleared("cost-velocity", "default")
    operator.alerts.cleared("cost-spike", "spender")


def test_stuck_approvals(operator: Operator) -> None:
    runs = {name: operator.begins("mailer", name) for name in ("good", "edited", "bad", "nobody")}
    runs["asked"] = operator.begins("asker")
    calls = {}
    for name, run_id in runs.items():
        calls[name] = call_of(operator.sees(run_id, "waiting_for_human"))
        operator.waits_for_views(run_id)
    operator.alerts.raised("approval-waits", "default")
    asked = operator.types("runfold approvals")
    assert len(re.findall("^  decide ", asked, re.MULTILINE)) == 5
    operator.types("runfold status RUN", exits.TRY_AGAIN, RUN=runs["good"])
    operator.types("runfold logs RUN", RUN=runs["good"])
    # What cannot apply says why.
    said = operator("approve", calls["asked"], code=exits.NO)
    assert "does not wait for an approval" in said
    operator.types('runfold approve CALL --reason "checked with finance"', CALL=calls["good"])
    operator.types(
        """runfold approve CALL --arguments '{"text": "a better text"}'""", CALL=calls["edited"]
    )
    operator.types('runfold deny CALL --reason "not without an order number"', CALL=calls["bad"])
    operator.types('runfold answer CALL "the second one"', CALL=calls["asked"])
    operator.types('runfold cancel RUN --reason "nobody is there to decide"', RUN=runs["nobody"])
    said = {
        name: json.dumps(operator.sees(run_id, "completed", "failed", "cancelled")["exit"])
        for name, run_id in runs.items()
    }
    assert "sent: good" in said["good"]
    assert "sent: a better text" in said["edited"]
    assert "not without an order number" in operator("logs", runs["bad"])
    assert "the second one" in said["asked"]
    for run_id in runs.values():
        operator.waits_for_views(run_id)
    assert operator("approvals") == "Nothing waits.\n"
    operator.alerts.cleared("approval-waits", "default")
    operator.types("runfold apply -f FILE", FILE=AGENTS)


def test_poison(operator: Operator) -> None:
    running = control.attach(operator.settings)
    journal.put(running.bootstrap_servers, topics.CONTROLS, 1, b"poison")
    stack.wait_until(lambda: "not_framed" in operator("deadletters"))
    operator.alerts.raised("dead-letters", "all")
    said = operator.types("runfold deadletters")
    number = re.search(r"^(\d+) .*runs.controls/1/", said, re.MULTILINE)
    assert number is not None, said
    assert "70 6f 69 73 6f 6e" in operator.types("runfold deadletters --show NO", NO=number[1])
    stack.wait_until(lambda: "not_framed" in operator("doctor"))
    said = operator.types("runfold doctor")
    assert re.search(r"^warning +dead letters +1 in the last day", said, re.MULTILINE)
    assert re.search(r"^ok +lanes", said, re.MULTILINE)
    operator.alerts.cleared("dead-letters", "all")


@pytest.mark.parametrize("server", ["kafka", "postgres"])
def test_lost(product: Operator, server: str) -> None:
    name = {"kafka": "lost-broker", "postgres": "lost-postgres"}[server]
    check = {"kafka": "broker", "postgres": "postgres"}[server]
    product.page = Page(name)
    run_id = product.begins("mailer", server)
    call = call_of(product.sees(run_id, "waiting_for_human"))
    product.alerts.raised("approval-waits", "default")
    before = stack.pid_of(product.settings, server)
    # A server that hangs is away for longer than one that is started again at once.
    os.kill(before, signal.SIGSTOP)
    try:
        said = product.types("runfold doctor", exits.UNAVAILABLE)
        assert re.search(rf"^wrong +{check} ", said, re.MULTILINE), said
        if server == "postgres":
            product.types("runfold status RUN", exits.TRY_AGAIN, RUN=run_id)
            product.types("runfold logs RUN", RUN=run_id)
    finally:
        os.kill(before, signal.SIGKILL)
    # Down, starting or up again, as soon as this is asked.
    said = product.types("runfold status", code=None)
    assert re.search(rf"^ *{server} ", said, re.MULTILINE), said
    stack.wait_until(lambda: stack._is_up_again(product.settings, server, before))
    assert "is down" in product.types("runfold down")
    assert "is up" in product.types("runfold up")
    # Silence is not an all-clear: the alert outlived the server, and the monitor's own restart.
    assert product.alerts.stands("approval-waits", "default")
    product("approve", call)
    product.sees(run_id, "completed")
    product.waits_for_views(run_id)
    stack.wait_until(lambda: "0 things are wrong" in product("doctor", code=None))
    assert "0 things are wrong" in product.types("runfold doctor")
    product.alerts.cleared("approval-waits", "default")
    if server == "kafka":
        assert "Sound:" in product.types("runfold audit verify")
    else:
        assert "Equal to the last digit" in product.types("runfold costs verify")
        assert "equals the fold" in product.types("runfold rebuild runs --compare")
        product.types("runfold rebuild runs")
    assert product.page.untyped() == set()


class Refusing(BaseHTTPRequestHandler):
    """A registry that holds something else under every subject."""

    def do_POST(self) -> None:
        told = {"is_compatible": False, "messages": ["it has another meaning here"]}
        known = not self.path.startswith("/subjects/")
        self.send_response(200 if known else 404)
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_schema_refused(operator: Operator) -> None:
    operator.types("runfold schemas check")
    assert "runs.events-runfold.RunCreated" in operator.types("runfold schemas list")
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        said = operator.types("runfold schemas publish --registry URL", exits.BAD_INPUT, URL=url)
        server.shutdown()
    assert "does not fit what the registry holds" in said
    assert "it has another meaning here" in said
    operator.types("runfold deadletters")


def test_every_page_is_tried_and_listed() -> None:
    pages = {page.stem for page in FOLDER.glob("*.md")} - {"README"}
    tried = {name.removeprefix("test_").replace("_", "-") for name in globals()}
    assert pages == (pages & tried) | {"lost-broker", "lost-postgres"}
    listed = re.findall(r"\(([a-z-]+)\.md\)", (FOLDER / "README.md").read_text())
    assert set(listed) == pages
    assert Page("README").commands == ["runfold doctor"]


def test_every_alert_has_a_page_and_every_page_names_alerts_that_are_there() -> None:
    rules = shipped()
    names = {rule["name"] for rule in (*rules["rules"], *rules["objectives"])}
    pages = [path.read_text() for path in FOLDER.glob("*.md") if path.stem != "README"]
    told = [re.findall(r"alerts? ((?:`[a-z-]+`[,\s]*)+)", text) for text in pages]
    assert {name for found in told for part in found for name in re.findall(r"[a-z-]+", part)} == (
        names
    )


def test_a_command_that_a_page_does_not_say_cannot_be_typed() -> None:
    page = Page("poison")
    with pytest.raises(AssertionError, match="does not say"):
        page.command("runfold topics")
    assert "runfold doctor" in page.untyped()
    assert page.command("runfold deadletters --show NO", NO="3") == ["deadletters", "--show", "3"]
