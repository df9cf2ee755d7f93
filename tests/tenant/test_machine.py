"""Any order of requests, results, people, policies and deaths: nothing is ever exceeded or lost."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from runfold.events.definitions import ModelChoice
from runfold.events.values import Limits
from tests.tenant.given import World, policy
from tests.tenant.judging import faults

_AMOUNTS = {"usd": "0.40", "tokens": 1000, "tool_calls": 5}
_POLICIES = (
    {"caps": ({"of": "tenant", "running": 2},)},
    {"caps": ({"of": "user", "running": 1},), "queue_size": 2},
    {
        "caps": ({"of": "tenant", "running": 3},),
        "budgets": ({"of": "tenant", "period": "hour", "limit": "1.00", "soft": "0.6"},),
    },
    {
        "budgets": (
            {"of": "user", "period": "day", "limit": "0.80"},
            {"of": "tenant", "period": "month", "unit": "runs", "limit": "1000"},
        ),
        "queue_timeout_ms": 7_200_000,
        "user_weights": {"ann": 3},
    },
    {
        "caps": ({"of": "tenant", "running": 3},),
        "queue_size": 2,
        "rates": ({"of": "user", "per": "minute", "runs": 2, "burst": 1},),
        "retries": {"period": "hour", "percent": 100, "least": 3, "per_run": 2},
        "budgets": (
            {
                "of": "tenant",
                "period": "day",
                "limit": "1.30",
                "soft": "0.7",
                "at_soft": ("cheaper_models", "throttle"),
                "throttle_ms": 30_000,
            },
        ),
        "when_run_spent": "ask",
    },
)
_AGENT = {
    "model": ModelChoice(name="scripted:x", cheaper=("scripted:y",)),
    "limits": Limits(max_model_calls=20, max_identical_calls=3),
}
_USERS = ("ann", "bob", "eve")


class Tenancy(RuleBasedStateMachine):
    """One tenant, three users, lanes that die."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World.opened(policy(**_POLICIES[0], run_amounts=_AMOUNTS), **_AGENT)
        self.extended = 0
        self.asked = 0
        self.versions = 1

    @rule(
        user=st.sampled_from(_USERS),
        priority=st.integers(-2, 5),
        cost=st.none() | st.sampled_from(("0.1", "0.5", "2")),
    )
    def ask(self, user: str, priority: int, cost: str | None) -> None:
        self.asked += 1
        limits = Limits(max_cost=Decimal(cost)) if cost else None
        self.world.ask(self.asked, user_id=user, priority=priority, limits=limits)

    @precondition(lambda self: self.world.states()["running"])
    @rule(data=st.data(), cost=st.sampled_from(("0", "0.01", "0.0999999")))
    def finish(self, data: st.DataObject, cost: str) -> None:
        running = self.world.states()["running"]
        self.world.finish(data.draw(st.sampled_from(running)), cost)

    @precondition(lambda self: self.world.states()["running"])
    @rule(data=st.data(), cost=st.sampled_from(("0.02", "0.3")))
    def answer(self, data: st.DataObject, cost: str) -> None:
        """Let a run's model say what does not help: it may meet a limit, and wait for more."""
        running = self.world.states()["running"]
        self.world.answered(data.draw(st.sampled_from(running)), cost)

    @precondition(lambda self: self.asked)
    @rule(
        data=st.data(),
        usd=st.sampled_from(("0.000000000001", "0.25", "0.7", "5", "-1")),
        tokens=st.sampled_from(("", "100")),
    )
    def extend(self, data: st.DataObject, usd: str, tokens: str) -> None:
        self.extended += 1
        more = {"usd": usd} | ({"tokens": tokens} if tokens else {})
        number = data.draw(st.integers(1, self.asked))
        self.world.extend(number, f"more-{self.extended}", **more)

    @precondition(lambda self: self.extended)
    @rule(which=st.integers(0, 30))
    def ask_for_more_again(self, which: int) -> None:
        self.world.ask_for_more_again(which)

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def deny(self, data: st.DataObject) -> None:
        self.extended += 1
        number = data.draw(st.integers(1, self.asked))
        self.world.deny_extension(number, f"no-{self.extended}")

    @precondition(lambda self: self.world.states()["ended"])
    @rule(data=st.data(), cost=st.sampled_from(("0.000000000001", "0.07")))
    def come_late(self, data: st.DataObject, cost: str) -> None:
        """Let the first call of a run that has ended tell what it cost, perhaps once more."""
        ended = self.world.states()["ended"]
        self.world.came_late(data.draw(st.sampled_from(ended)), cost)

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        self.world.cancel(data.draw(st.integers(1, self.asked)))

    @rule(seconds=st.sampled_from((1, 30, 3600, 90_000)))
    def wait(self, seconds: int) -> None:
        self.world.pass_time(seconds)

    @rule(which=st.sampled_from(_POLICIES))
    def govern(self, which: dict[str, object]) -> None:
        self.versions += 1
        self.world.source.publish(policy(f"{self.versions}.0", **which, run_amounts=_AMOUNTS))

    @rule(lane=st.integers(0, 3), aborts=st.booleans())
    def die(self, lane: int, aborts: bool) -> None:
        if aborts:
            self.world.lanes[lane].fail_next_commit = True
        else:
            self.world.lanes[lane].restart()
        self.world.settle()

    @invariant()
    def no_input_is_lost(self) -> None:
        codes = {letter.code for letter in self.world.dead_letters()}
        # A person may cancel what has ended.
        assert codes <= {"run_not_live"}

    def teardown(self) -> None:
        """Let every run end: none waits for ever, and nothing stays set aside."""
        for lane in self.world.lanes:
            lane.fail_next_commit = False
        for turn in range(20 * self.asked + 1):
            states = self.world.states()
            if not states["running"] and not states["queued"]:
                break
            for number in states["running"]:
                self.world.deny_extension(number, f"last-{turn}")
                self.world.finish(number)
            self.world.pass_time(90_000)
        assert self.world.states()["queued"] == []
        assert self.world.states()["running"] == []
        if self.world.facts():
            assert self.world.tenant().running == {}
            assert self.world.tenant().waiting == ()
        assert faults(self.world) == []


TestTenancy = Tenancy.TestCase
TestTenancy.settings = settings(max_examples=40, stateful_step_count=25)
