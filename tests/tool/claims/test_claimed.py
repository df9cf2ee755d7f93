"""A tool with effects runs once for a key, whatever is repeated and whoever dies [93]."""

from __future__ import annotations

import asyncio

import pytest

from runfold.events.calls import Outcome
from runfold.events.contents.content import Content, json_content
from runfold.processors.tool.claims import claimed
from runfold.processors.tool.claims.memory import ClaimTable, MemoryClaims
from runfold.processors.tool.claims.port import ClaimRequest, Held, Told
from runfold.processors.tool.errors import ClaimsUnavailableError
from tests.tool import samples
from tests.tool.given import Bench, error_type, said

ORDER = {"order": "o-1", "amount": "9.99"}


@pytest.fixture(autouse=True)
def _fresh() -> None:
    samples.effects.clear()


def test_the_same_call_twice_has_one_effect_and_one_answer() -> None:
    bench = Bench(samples.refund)
    first, second = bench.call(ORDER), bench.call(ORDER)
    assert said(first) == said(second) == {"order": "o-1", "amount": "9.99"}
    assert (first.repeated, second.repeated) == (False, True)
    assert (first.effect, second.effect) == (True, True)
    assert len(samples.effects) == 1


def test_the_key_with_other_arguments_is_refused() -> None:
    bench = Bench(samples.refund)
    bench.call(ORDER)
    again = bench.call({**ORDER, "amount": "99.99"})
    assert (again.outcome, error_type(again)) == (Outcome.FAILED, "idempotency_conflict")
    assert len(samples.effects) == 1


def test_a_call_meanwhile_waits_for_the_first_one_s_answer() -> None:
    bench = Bench(samples.refund)

    async def both() -> None:
        first, second = await asyncio.gather(bench.acall(ORDER), bench.acall(ORDER))
        assert sorted([first.repeated, second.repeated]) == [False, True]
        assert said(first) == said(second)

    asyncio.run(both())
    assert len(samples.effects) == 1


def _left_by_a_dead_owner(tool: object, arguments: object) -> Bench:
    """A bench whose store holds a claim that was started and never ended."""
    table = ClaimTable()
    dead = MemoryClaims(table)

    class Dies(MemoryClaims):
        async def claim(self, wanted: ClaimRequest) -> Told:
            told = await dead.claim(wanted)
            dead.die()
            assert told.held is not None
            raise ClaimsUnavailableError("dead")

    assert callable(tool)
    Bench(tool, claims=Dies(table)).call(arguments)
    return Bench(tool, claims=MemoryClaims(table))


def test_a_call_of_a_dead_owner_is_uncertain() -> None:
    bench = _left_by_a_dead_owner(samples.refund, ORDER)
    result = bench.call(ORDER)
    assert (result.outcome, error_type(result)) == (Outcome.UNCERTAIN, "owner_died")
    assert samples.effects == []


def test_after_did_not_happen_the_next_attempt_runs_under_the_same_key() -> None:
    bench = _left_by_a_dead_owner(samples.refund, ORDER)
    result = bench.call(ORDER, attempt=2, cleared=1, idempotency_key="r.1")
    assert result.outcome is Outcome.SUCCEEDED
    assert samples.effects == ["r.1"]


def test_an_idempotent_call_of_a_dead_owner_is_run_again() -> None:
    bench = _left_by_a_dead_owner(samples.save, {"text": "a"})
    assert said(bench.call({"text": "a"})) == "a"


def test_a_refused_call_may_be_tried_again_with_the_same_key() -> None:
    bench = Bench(samples.refuses)
    assert bench.call().outcome is Outcome.FAILED
    assert error_type(bench.call()) == "tool_error"


def test_an_uncertain_call_stays_uncertain_for_its_attempt() -> None:
    bench = Bench(samples.raises_late)
    assert bench.call().outcome is Outcome.UNCERTAIN
    again = bench.call()
    assert (again.outcome, samples.effects) == (Outcome.UNCERTAIN, ["late"])


class Failing(MemoryClaims):
    """A store that goes away: before the claim, or before its end for a number of tries."""

    def __init__(self, *, at_claim: bool = False, at_finish: int = 0) -> None:
        super().__init__()
        self._at_claim = at_claim
        self.at_finish = at_finish

    async def claim(self, wanted: ClaimRequest) -> Told:
        if self._at_claim:
            raise ClaimsUnavailableError("The database of claims does not answer.")
        return await super().claim(wanted)

    async def finish(self, held: Held, result: Content) -> None:
        if self.at_finish > 0:
            self.at_finish -= 1
            raise ClaimsUnavailableError("The database of claims does not answer.")
        await super().finish(held, result)


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claimed, "_FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(claimed, "_LONGEST_PAUSE_S", 0.001)


def test_without_its_store_nothing_runs_and_it_may_be_tried_again() -> None:
    result = Bench(samples.refund, claims=Failing(at_claim=True)).call(ORDER)
    assert result.error is not None
    assert (result.outcome, result.error.error_type) == (Outcome.FAILED, "unavailable")
    assert (result.error.retryable, result.effect, samples.effects) == (True, False, [])


@pytest.mark.usefixtures("_impatient")
def test_the_end_of_a_claim_is_stored_as_soon_as_the_store_is_back() -> None:
    bench = Bench(samples.refund, claims=Failing(at_finish=3))
    assert bench.call(ORDER).outcome is Outcome.SUCCEEDED
    assert bench.call(ORDER).repeated


@pytest.mark.usefixtures("_impatient")
def test_a_result_is_reported_though_its_claim_could_not_be_stored() -> None:
    result = Bench(samples.refund, claims=Failing(at_finish=1000)).call(ORDER)
    assert (result.outcome, result.effect) == (Outcome.SUCCEEDED, True)


def test_the_stored_result_is_the_reported_one() -> None:
    bench = Bench(samples.save)
    first = bench.call({"text": "x" * 100_000})
    assert bench.call({"text": "x" * 100_000}).result == first.result
    assert first.result != json_content("x" * 100_000)


def test_a_word_given_before_the_call_began_says_nothing_of_how_it_ended() -> None:
    """The record lay in the queue while a person was asked, and is run after all."""
    table, begun = ClaimTable(), asyncio.Event()

    class Telling(MemoryClaims):
        async def claim(self, wanted: ClaimRequest) -> Told:
            told = await super().claim(wanted)
            begun.set()
            return told

    first = Bench(samples.raises_late, claims=Telling(table))
    second = Bench(samples.raises_late, claims=MemoryClaims(table))

    async def both() -> None:
        queued = asyncio.create_task(first.acall())
        await begun.wait()
        told = await second.acall(attempt=2, cleared=1)
        assert (await queued).outcome is Outcome.UNCERTAIN
        assert told.outcome is Outcome.UNCERTAIN

    asyncio.run(both())
    assert samples.effects == ["late"]
