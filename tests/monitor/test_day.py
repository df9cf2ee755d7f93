"""A scripted day: 480 runs with known costs, errors and delays, every figure computed by hand.

A run begins every three minutes from midnight on. Each asks the model once (100 + 10·(n mod 10) ms,
0.0012 USD), then calls a tool once (50 ms, 0.0003 USD), and is over after two seconds. The runs of
10:00 to 10:57 (numbers 200 to 219) lose their tool to a time-out, which is retried in vain, and
fail. Run 300, of 15:00, hangs in its tool until 18:00. From 20:00 on (numbers 400 to 419, the hour)
the model has another, unpriced name.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from fractions import Fraction

import pytest

from runfold.events.records.alerts import AlertCleared, AlertRaised
from runfold.events.run import Event
from runfold.processors.monitor.core import windows
from runfold.processors.monitor.core.alerts import Said
from runfold.processors.monitor.core.monitor import Monitor
from tests.monitor.given import watching
from tests.support.builders.timed import NOON, Run

MIDNIGHT = NOON - timedelta(hours=12)
HOUR, DAY = timedelta(hours=1), timedelta(hours=24)
END = MIDNIGHT + timedelta(hours=23, minutes=59)
RULES = """
hold: 5m
silence: {running_tool: 10m}
objectives:
  - name: tools-work
    target: 0.9
    bad: tool_failures
    total: tool_calls
    by: tool
    minimum: 4
    burn:
      - {short: 30m, long: 2h, rate: 4, severity: ticket}
rules:
  - {name: failing, value: runs_failed / runs_ended, by: agent, window: 30m, above: 0.5,
     severity: page, summary: runs fail}
  - {name: storm, value: retries / tool_calls, by: tool, window: 30m, above: 0.4,
     minimum: {retries: 4}, severity: ticket, summary: a storm}
  - {name: stuck, value: stuck_runs, by: agent, above: 0, severity: page, summary: stuck}
  - {name: unpriced, value: unpriced_calls, window: 1h, above: 0, severity: ticket,
     summary: no price}
"""


def story(number: int) -> Run:
    run = Run(
        f"run-{number:03}",
        at=MIDNIGHT + timedelta(minutes=3 * number),
        agent="writer" if number % 4 == 3 else "triage",
        tenant_id="umbrella" if number % 2 else "acme",
    )
    dear = not 400 <= number < 420
    model, cost = ("big", "0.0012") if dear else ("new", None)
    model_call, tool_call = f"{run.run_id}.1", f"{run.run_id}.2"
    run.begins(queue=0.2).asks(model_call, model=model)
    run.wait(0.8).answered(model_call, 100 + 10 * (number % 10), cost, model)
    run.proposes(tool_call).starts(tool_call)
    if 200 <= number < 220:
        run.broke(tool_call).retries(tool_call).starts(tool_call, attempt=2).wait(1)
        return run.broke(tool_call, attempt=2).failed()
    if number == 300:
        run.wait(3 * 3600)
    return run.wait(1).worked(tool_call, 50, cost="0.0003").completed()


def day() -> Iterator[Event]:
    events = [event for number in range(480) for event in story(number).events]
    return iter(sorted(events, key=lambda event: event.meta.time))


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Monitor, list[Said], list[Fraction]]:
    """The monitor at the day's end, what it said, and the cost of each hour."""
    monitor = watching(tmp_path_factory.mktemp("rules"), RULES, MIDNIGHT - DAY)
    said, hours, events = list[Said](), list[Fraction](), day()
    waiting = next(events, None)
    for minute in range(24 * 60):
        now = MIDNIGHT + timedelta(minutes=minute)
        while waiting is not None and waiting.meta.time <= now:
            assert monitor.take(waiting)
            waiting = next(events, None)
        for each in monitor.evaluate(now):
            monitor.alerts.apply(each)
            said.append(each)
        if minute % 60 == 59:
            hours.append(monitor.store.total("cost_usd", "all", "all", HOUR, now))
    assert waiting is None
    return monitor, said, hours


def clock(hour: int, minute: int) -> datetime:
    return MIDNIGHT + timedelta(hours=hour, minutes=minute)


def test_every_event_was_counted_once(lived: tuple[Monitor, list[Said], list[Fraction]]) -> None:
    monitor = lived[0]
    # 460 runs of 8 events, 20 of 11.
    assert (monitor.tally.events, monitor.tally.duplicates) == (460 * 8 + 20 * 11, 0)
    assert monitor.runs.live == {}
    assert monitor.runs.gaps == 0


def test_each_hour_costs_what_its_calls_cost(
    lived: tuple[Monitor, list[Said], list[Fraction]],
) -> None:
    usual = Fraction(20 * 15, 10_000)
    wanted = [usual] * 24
    wanted[10] = Fraction(20 * 12, 10_000)  # no tool worked
    wanted[15] = usual - Fraction(3, 10_000)  # one tool call was still out
    wanted[18] = usual + Fraction(3, 10_000)  # and came back
    wanted[20] = Fraction(20 * 3, 10_000)  # the model has no price
    assert lived[2] == wanted


def test_who_spent_it(lived: tuple[Monitor, list[Said], list[Fraction]]) -> None:
    monitor = lived[0]
    # The last two hours of whole buckets: 40 runs, a quarter of them writer's, a half umbrella's.
    window = timedelta(hours=2)

    def spent(by: str, subject: str) -> Fraction:
        return monitor.store.total("cost_usd", by, subject, window, END)

    assert spent("all", "all") == Fraction(40 * 15, 10_000)
    assert spent("agent", "writer") == Fraction(10 * 15, 10_000)
    assert spent("tenant", "umbrella") == Fraction(20 * 15, 10_000)
    assert spent("model", "big") == Fraction(40 * 12, 10_000)
    assert spent("tool", "files.read") == Fraction(40 * 3, 10_000)


def test_how_long_things_took(lived: tuple[Monitor, list[Said], list[Fraction]]) -> None:
    store = lived[0].store
    model = store.durations("model_ms", "model", "big", HOUR, END)
    assert model == {100 + 10 * n: 2 for n in range(10)}
    assert [windows.percentile(model, p) for p in (50, 90, 95, 99)] == [140, 180, 190, 190]
    assert store.durations("tool_ms", "tool", "files.read", HOUR, END) == {50: 20}
    assert store.durations("queue_ms", "all", "all", HOUR, END) == {200: 20}
    assert store.durations("run_ms", "all", "all", HOUR, END) == {2000: 20}


def test_what_was_raised_and_cleared_and_when(
    lived: tuple[Monitor, list[Said], list[Fraction]],
) -> None:
    found = [
        (each.alert_id, (each.cleared_at if isinstance(each, AlertCleared) else each.raised_at))
        for each in lived[1]
    ]
    assert found == EXPECTED


# A look at minute m of the clock sees the runs of the last 29 minutes, but not the one that has
# just begun: ten of them, nine where m divides by three. Broken runs call their tool twice in vain
# and retry once, so of N runs with x broken ones 2x of N + x calls failed, and x were retries.
EXPECTED = [
    # of triage's runs of 9:45 to 10:12, 4 of 7 failed
    ("failing/triage/1", clock(10, 13)),
    # 7 of 17 calls: those of 9:51 to 10:18
    ("storm/files.read/1", clock(10, 19)),
    # of writer's runs of 9:57, 10:09 and 10:21, 2 of 3 failed
    ("failing/writer/1", clock(10, 22)),
    # more than 4 tenths of all calls, in two hours too: 20 of 48, those of 8:36 to 10:27
    ("tools-work 30m/2h/files.read/1", clock(10, 30)),
    # 6 of 15 are left at 11:09, and five minutes pass
    ("storm/files.read/1", clock(11, 14)),
    # 3 of 6 at 11:12
    ("failing/triage/1", clock(11, 17)),
    # 1 of 2 at 11:15
    ("failing/writer/1", clock(11, 20)),
    # in half an hour 4 of 11 at 11:21
    ("tools-work 30m/2h/files.read/1", clock(11, 26)),
    # silent since 15:00:01, ten minutes are allowed; it reports at 18:00:02
    ("stuck/triage/1", clock(15, 11)),
    ("stuck/triage/1", clock(18, 6)),
    # the last unpriced call, of 20:57, leaves the hour at 21:57
    ("unpriced/all/1", clock(20, 1)),
    ("unpriced/all/1", clock(22, 2)),
]


def test_an_alert_names_the_runs_that_prove_it(
    lived: tuple[Monitor, list[Said], list[Fraction]],
) -> None:
    stuck = next(each for each in lived[1] if each.rule == "stuck")
    assert isinstance(stuck, AlertRaised)
    assert stuck.run_ids == ("run-300",)
