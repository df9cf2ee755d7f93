"""The monitor on a real broker: killed, cut off and fed twice, it loses and invents nothing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, Producer

from runfold.events import topics
from runfold.stack.settings import Settings
from tests.hard.kafka.test_topic_settings import alter, settings_of
from tests.monitor.running import ROOT, append, watched
from tests.monitor.stalling import VARIABLE
from tests.support import journal, stack
from tests.support.builders.timed import Run

pytestmark = pytest.mark.integration

RULES = """\
version: 1
every: 1s
hold: 1s
silence: {planning: 1h}
rules:
  - {name: failing, value: runs_failed / runs_ended, by: agent, window: 1h, above: 0.5,
     minimum: {runs_ended: 5}, severity: page, summary: runs fail}
  - {name: unreadable, value: unreadable, window: 1h, above: 0, severity: ticket, summary: odd}
  - {name: stuck, value: stuck_runs, by: agent, above: 0, severity: page, summary: stuck}
"""
BOMB_MB = 120
ZEROS = bytes(120_000_000)
RAISED = [("AlertRaised", "failing/triage/1")]


def runs(prefix: str, good: int = 0, bad: int = 0, live: int = 0) -> list[Run]:
    at = datetime.now(UTC)
    made = [Run(f"{prefix}-g{n}", at=at).begins().completed() for n in range(good)]
    made += [Run(f"{prefix}-b{n}", at=at).begins().failed() for n in range(bad)]
    return made + [Run(f"{prefix}-l{n}", at=at).begins() for n in range(live)]


@pytest.mark.timeout(300)  # it starts five times
def test_kills_lose_no_fact_and_raise_no_alert_twice(settings: Settings) -> None:
    bootstrap = settings.bootstrap_servers
    with watched(settings, RULES) as monitor:
        count = append(bootstrap, runs("a", good=2, bad=8), again=True)
        found = monitor.wait_events(count)
        assert found["tally"]["duplicates"] == count
        stack.wait_until(lambda: monitor.said() == RAISED)
        found = monitor.live()
        assert (found["tally"]["events"], found["live"]) == (count, {})
        for number in range(3):
            monitor.kill()
            count += append(bootstrap, runs(f"k{number}", bad=1, live=2))
            monitor.start()
            found = monitor.wait_events(count)
            assert found["tally"]["events"] == count
            assert found["live"] == {"planning": 2 * (number + 1)}
            assert [alert["alert_id"] for alert in found["alerts"]] == ["failing/triage/1"]
        # Many good ones outweigh the bad: now it is clear, and said once.
        count += append(bootstrap, runs("z", good=12))
        monitor.wait_events(count)
        both = [*RAISED, ("AlertCleared", "failing/triage/1")]
        stack.wait_until(lambda: monitor.said() == both)
        monitor.kill()
        monitor.start()
        assert monitor.live()["alerts"] == []
        assert monitor.live()["tally"]["gaps"] == 0
        assert monitor.said() == both


def test_a_broker_that_dies_is_no_reason_to_clear_or_to_raise(
    servers: stack.Servers, settings: Settings
) -> None:
    if not servers.embedded:
        pytest.skip("the broker of a container is not killed here")
    with watched(settings, RULES) as monitor:
        count = append(settings.bootstrap_servers, runs("a", bad=6, live=3))
        monitor.wait_events(count)
        stack.wait_until(lambda: monitor.said() == RAISED)
        before = monitor.process and monitor.process.pid
        servers.kill("kafka")
        count += append(settings.bootstrap_servers, runs("b", good=1, bad=3, live=2))
        found = monitor.wait_events(count)
        assert found["tally"]["events"] == count
        assert found["tally"]["gaps"] == 0
        assert found["live"] == {"planning": 5}
        assert monitor.said() == RAISED
        assert monitor.process is not None
        assert monitor.process.pid == before


def test_killed_while_the_broker_is_away_it_comes_back_to_what_it_had_said(
    servers: stack.Servers, settings: Settings
) -> None:
    if not servers.embedded:
        pytest.skip("the broker of a container is not stopped here")
    with watched(settings, RULES) as monitor:
        count = append(settings.bootstrap_servers, runs("a", bad=6, live=3))
        monitor.wait_events(count)
        stack.wait_until(lambda: monitor.said() == RAISED)
        broker = servers.pid("kafka")
        os.kill(broker, signal.SIGSTOP)
        try:
            monitor.kill()
            with pytest.raises(AssertionError, match="not so after"):
                monitor.start(seconds=3)
            # It reads nothing, so it knows nothing, and says nothing.
            assert monitor.live() == {}
        finally:
            os.kill(broker, signal.SIGCONT)
        count += append(settings.bootstrap_servers, runs("b", bad=1, live=1))
        # It may give up, now or later, and its supervisor would start it again.
        found = monitor.tended_events(count)
        assert (found["tally"]["events"], found["tally"]["gaps"]) == (count, 0)
        assert found["live"] == {"planning": 4}
        assert monitor.said() == RAISED


def test_kills_at_any_moment_say_nothing_twice_and_nothing_untrue(settings: Settings) -> None:
    chance, at = random.Random(7), datetime.now(UTC)
    agents = [f"agent-{number}" for number in range(4)]
    with watched(settings, RULES) as monitor:
        count = 0
        for agent in agents:
            bad = [Run(f"{agent}-{n}", at=at, agent=agent).begins().failed() for n in range(6)]
            count += append(settings.bootstrap_servers, bad, per=6)
            # Before it has seen them, while it judges, while it writes, or after.
            time.sleep(chance.uniform(0, 1.5))
            monitor.kill()
            monitor.start()
        monitor.wait_events(count)
        stack.wait_until(lambda: len(monitor.said()) >= len(agents), 60)
        found = monitor.live()
        assert found["tally"]["events"] == count
        assert sorted(monitor.said()) == [("AlertRaised", f"failing/{name}/1") for name in agents]
        assert {alert["subject"] for alert in found["alerts"]} == set(agents)


@pytest.mark.parametrize(
    ("how", "code", "why"),
    [
        ("loop", 70, "stuck in the event loop of the monitor"),
        ("consumer", 1, "Records stand on the log and none has arrived for 4 s."),
    ],
)
def test_it_ends_where_it_stands_still_and_its_successor_misses_nothing(
    settings: Settings, how: str, code: int, why: str
) -> None:
    stall = settings.home / "stall"
    more = {"RUNFOLD_MONITOR_STALL_S": "4", VARIABLE: str(stall)}
    with watched(settings, RULES, module="tests.monitor.stalling", **more) as monitor:
        count = append(settings.bootstrap_servers, runs("a", bad=6))
        monitor.wait_events(count)
        stack.wait_until(lambda: monitor.said() == RAISED)
        assert monitor.process is not None
        stall.write_text(how)
        count += append(settings.bootstrap_servers, runs("b", good=1, live=2))
        assert monitor.process.wait(40) == code
        assert why in monitor.log()
        stall.unlink()
        monitor.start()
        found = monitor.wait_events(count)
        assert (found["tally"]["events"], found["live"]) == (count, {"planning": 2})
        assert monitor.said() == RAISED


def test_what_is_no_record_is_counted_and_passed_over(settings: Settings) -> None:
    with watched(settings, RULES) as monitor:
        journal.put(settings.bootstrap_servers, topics.EVENTS, 0, b"rubbish")
        count = append(settings.bootstrap_servers, runs("a", good=8))
        found = monitor.wait_events(count)
        assert (found["tally"]["events"], found["tally"]["unreadable"]) == (count, 1)
        stack.wait_until(lambda: monitor.said() == [("AlertRaised", "unreadable/all/1")])


@pytest.mark.timeout(300)
def test_no_batch_that_inflates_ends_it_and_what_is_behind_it_is_counted(
    settings: Settings,
) -> None:
    journal.put(settings.bootstrap_servers, topics.PARKED, 0, b"rubbish", b"\xff/x")
    # As an older deployment has it. Where it is as declared, the broker refuses such a batch.
    kafka = settings.kafka_config()
    alter(kafka, topics.ALERTS, "compression.type", "producer")
    stack.wait_until(lambda: settings_of(kafka, topics.ALERTS)["compression.type"] == "producer")
    for topic in (topics.EVENTS, topics.ALERTS):
        bomb(settings, topic)
    count = append(settings.bootstrap_servers, runs("a", good=2))
    with watched(settings, RULES) as monitor:
        assert monitor.wait_events(count)["tally"]["unreadable"] == 1
        bomb(settings, topics.DEAD_LETTERS)
        count += append(settings.bootstrap_servers, runs("b", good=8, live=1))
        stack.wait_until(lambda: monitor.live()["tally"]["unreadable"] == 2, 90)
        found = monitor.wait_events(count)
        assert (found["tally"]["events"], found["live"]) == (count, {"planning": 1})
        stack.wait_until(lambda: ("AlertRaised", "unreadable/all/1") in monitor.said_live())
        assert monitor.most_mb() < BOMB_MB * 3
        assert "dead.letters/0 cannot be read at offset 0" in monitor.log()
        assert monitor.limits()[0] < 2**33


def bomb(settings: Settings, topic: str) -> None:
    """A batch of some kilobytes that is ``BOMB_MB`` when inflated."""
    producer = Producer(
        {
            **settings.producer_config(),
            "compression.type": "zstd",
            "message.max.bytes": 900_000_000,
        }
    )
    faults: list[KafkaError | None] = []
    # One record: the end of a batch is searched for by its offsets.
    producer.produce(topic, ZEROS, b"key", 0, on_delivery=lambda error, _: faults.append(error))
    assert producer.flush(60) == 0
    assert faults == [None]


def test_runs_that_began_before_every_window_are_known_after_a_start(settings: Settings) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=3)
    old = Run("old", at=long_ago).begins().asks_person("c1")
    append(settings.bootstrap_servers, [old])
    with watched(settings, RULES) as monitor:
        (waiting,) = monitor.wait_events(3)["waiting"]
        assert (waiting["run_id"], waiting["agent"]) == ("old", "triage")
        assert waiting["waits_s"] >= 3 * 86400


def test_a_second_monitor_takes_over_and_the_first_ends(settings: Settings) -> None:
    with watched(settings, RULES) as first:
        assert first.process is not None
        with watched(settings, RULES) as second:
            count = append(settings.bootstrap_servers, runs("a", bad=6))
            second.wait_events(count)
            stack.wait_until(lambda: second.said() == RAISED)
        assert first.process.wait(10) == 1


def test_it_shows_itself_and_ends_when_told(settings: Settings) -> None:
    with watched(settings, RULES) as monitor:
        count = append(settings.bootstrap_servers, runs("a", good=2, bad=6))
        monitor.wait_events(count)
        stack.wait_until(lambda: "failing" in monitor.get("/"))
        metrics = monitor.get("/metrics")
        assert f'runfold_monitor_records_total{{kind="events"}} {float(count)}' in metrics
        assert 'runfold_monitor_alert{rule="failing",severity="page",subject="triage"} 1.0' in (
            metrics
        )
        assert monitor.process is not None
        monitor.process.send_signal(signal.SIGTERM)
        assert monitor.process.wait(15) == 0


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("version: 1\nrules: {}\n", ":2: rules: {} is not of type 'array'"),
        (RULES.replace("runs_failed /", "runs_faild /"), ":6: rules.0.value: there is no metric"),
    ],
)
def test_a_wrong_rule_ends_it_with_a_sentence(
    settings: Settings, tmp_path: Path, rules: str, said: str
) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(rules)
    env = {**os.environ, **settings.to_env(), "RUNFOLD_MONITOR_RULES": str(file)}
    ended = subprocess.run(
        [sys.executable, "-m", "runfold.processors.monitor"],
        env=env, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 2
    assert f"{file}{said}" in ended.stderr
    assert "Traceback" not in ended.stderr
