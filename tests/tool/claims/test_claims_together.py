"""Claims of calls at a time: each gets its own answer, whatever the others of its group ask."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

import psycopg
import pytest
from psycopg.rows import TupleRow

from runfold.events.contents.content import Content, content, json_content, text
from runfold.processors.tool.claims.connection import ClaimConnection
from runfold.processors.tool.claims.port import ClaimRequest, Claims, Told, Verdict
from runfold.processors.tool.claims.postgres import PostgresClaims
from runfold.processors.tool.claims.statements import END, HOLD, TAKE, Statement, Want
from runfold.processors.tool.errors import ClaimsUnavailableError, ToolRefusedError
from tests.tool.claims.owners import REQUEST, Owners, Play, taken, verdict_after_a_renewal


def wanted(number: int) -> ClaimRequest:
    """A call with a key of its own."""
    return replace(REQUEST, idempotency_key=f"k{number}", call_id=f"r.{number}")


def result(number: int) -> Content:
    """The result of that call alone."""
    return json_content({"paid": number})


async def _all(owner: Claims, requests: Sequence[ClaimRequest]) -> list[Told]:
    return await asyncio.gather(*(owner.claim(each) for each in requests))


def _keys(told: Sequence[Told]) -> list[str]:
    return [each.held.idempotency_key for each in told if each.held is not None]


def test_of_many_at_once_each_is_told_its_own(play: Play) -> None:
    async def script(owners: Owners) -> None:
        first, second = await owners.add(), await owners.add()
        expected = []
        for number in range(40):
            verdict = list(Verdict)[number % len(Verdict)]
            expected.append(verdict)
            if verdict is Verdict.RUN:
                continue
            held = await taken(second, wanted(number))
            if verdict is Verdict.ANSWERED:
                await second.finish(held, result(number))
            if verdict is Verdict.UNCERTAIN:
                await second.doubt(held)
        requests = [
            replace(wanted(number), arguments_digest=b"other")
            if expected[number] is Verdict.CONFLICT
            else wanted(number)
            for number in range(40)
        ]
        told = await _all(first, requests)
        assert [each.verdict for each in told] == expected
        for number, each in enumerate(told):
            if each.verdict is Verdict.ANSWERED:
                assert each.result == result(number)
            assert (each.held is not None) == (each.verdict is Verdict.RUN)
        assert _keys(told) == [f"k{n}" for n in range(40) if expected[n] is Verdict.RUN]

    play(script)


def test_ends_at_once_are_each_its_own(play: Play) -> None:
    async def script(owners: Owners) -> None:
        first, second = await owners.add(), await owners.add()
        held = [told.held for told in await _all(first, [wanted(n) for n in range(30)])]
        ends = []
        for number, each in enumerate(held):
            assert each is not None
            if number % 3 == 0:
                ends.append(first.finish(each, result(number)))
            elif number % 3 == 1:
                ends.append(first.doubt(each))
            else:
                ends.append(first.release(each))
        await asyncio.gather(*ends)
        told = await _all(second, [wanted(n) for n in range(30)])
        verdicts = [Verdict.ANSWERED, Verdict.UNCERTAIN, Verdict.RUN]
        assert [each.verdict for each in told] == verdicts * 10
        for number in range(0, 30, 3):
            assert told[number].result == result(number)

    play(script)


def test_of_two_with_one_key_in_a_group_one_runs(play: Play) -> None:
    async def script(owners: Owners) -> None:
        owner = await owners.add()
        told = await _all(owner, [wanted(1), wanted(2), wanted(1), wanted(3), wanted(2)])
        assert sorted(_keys(told)) == ["k1", "k2", "k3"]
        assert sorted(each.verdict for each in told) == [Verdict.BUSY] * 2 + [Verdict.RUN] * 3
        assert told[3].verdict is Verdict.RUN

    play(script)


def test_of_two_that_take_over_one_key_in_a_group_one_runs(play: Play) -> None:
    async def script(owners: Owners) -> None:
        dead, owner = await owners.add(), await owners.add()
        again = [replace(wanted(n), safe_to_repeat=True) for n in (1, 2, 1, 3, 2)]
        await _all(dead, again[:4])
        await owners.kill(dead)
        told = await _all(owner, again)
        assert sorted(_keys(told)) == ["k1", "k2", "k3"]
        assert sorted(each.verdict for each in told) == [Verdict.BUSY] * 2 + [Verdict.RUN] * 3

    play(script)


def test_the_later_of_two_ends_of_one_claim_counts(play: Play) -> None:
    async def script(owners: Owners) -> None:
        owner = await owners.add()
        held = [await taken(owner, wanted(number)) for number in range(2)]
        await asyncio.gather(
            owner.release(held[0]), owner.release(held[1]), owner.finish(held[0], result(0))
        )
        told = await _all(owner, [wanted(0), wanted(1)])
        assert [each.verdict for each in told] == [Verdict.ANSWERED, Verdict.RUN]

    play(script)


def test_groups_of_several_owners_give_each_key_to_one(play: Play) -> None:
    async def script(owners: Owners) -> None:
        every = [await owners.add() for _ in range(4)]
        chance = random.Random(7)
        requests = [wanted(number) for number in range(60)]
        told = await asyncio.gather(*(_all(one, chance.sample(requests, 60)) for one in every))
        ran = [key for each in told for key in _keys(each)]
        assert sorted(ran) == sorted(each.idempotency_key for each in requests)

    play(script)


class _Counting(PostgresClaims):
    """Notes how many claims went with each statement."""

    def __init__(self, url: str, lease_s: float = 10.0) -> None:
        super().__init__(url, lease_s)
        self.groups: list[tuple[Statement, int]] = []

    async def _serve(self, statement: Statement, wants: Sequence[Want]) -> list[TupleRow | None]:
        self.groups.append((statement, len(wants)))
        return await super()._serve(statement, wants)


@pytest.mark.integration
def test_calls_at_once_share_a_round_trip(database_url: str) -> None:
    async def script() -> None:
        async with _Counting(database_url) as claims:
            claims.groups.clear()
            told = await _all(claims, [wanted(number) for number in range(20)])
            await asyncio.gather(
                *(claims.finish(each.held, result(1)) for each in told if each.held is not None)
            )
            assert claims.groups == [(TAKE, 20), (END, 20)]

    asyncio.run(script())


@pytest.mark.integration
@pytest.mark.parametrize("known", [True, False])
def test_groups_wait_for_each_other_in_no_circle(
    database_url: str, monkeypatch: pytest.MonkeyPatch, *, known: bool
) -> None:
    # Postgres ends a circle by an error, upon which a connection is given up.
    given_up = []
    close = ClaimConnection.close

    async def noting(self: ClaimConnection) -> None:
        given_up.append(self)
        await close(self)

    async def script() -> None:
        async with AsyncExitStack() as opened:
            every = [
                await opened.enter_async_context(PostgresClaims(database_url)) for _ in range(4)
            ]
            chance = random.Random(3)
            with monkeypatch.context() as patched:
                patched.setattr(ClaimConnection, "close", noting)
                for turn in range(8):
                    requests = [
                        replace(wanted(n if known else 100 * turn + n), safe_to_repeat=True)
                        for n in range(100)
                    ]
                    # Nobody lives, so that each takes over from the others.
                    await every[0]._connection.rows(
                        "DELETE FROM tool_claim_owners RETURNING owner", ()
                    )
                    await asyncio.gather(
                        *(_all(one, chance.sample(requests, 100)) for one in every)
                    )
            assert not given_up

    asyncio.run(script())


@pytest.mark.integration
def test_a_group_whose_connection_breaks_is_asked_again(database_url: str) -> None:
    async def script() -> None:
        async with _Counting(database_url) as claims:
            with psycopg.connect(database_url) as other:
                # The group waits for one of its keys when its connection breaks.
                other.execute(
                    "INSERT INTO tool_claims VALUES ('refund', 'k3', '1', 'acme', 'r', 'r.3', 1,"
                    " 'a', 'started', 'nobody', 't')"
                )
                asking = asyncio.create_task(_all(claims, [wanted(n) for n in range(6)]))
                await _break_once_waiting(database_url)
                other.rollback()
            told = await asking
            assert _keys(told) == [f"k{number}" for number in range(6)]

    asyncio.run(script())


async def _break_once_waiting(url: str) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as admin:
        for _ in range(1000):
            ended = await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if await ended.fetchall():
                return
            await asyncio.sleep(0.01)
    raise AssertionError("nobody waited")


class _Losing(_Counting):
    """The answer to one statement is lost: it is asked again, or the database stays away."""

    lost: Statement | None = None
    away = False

    async def _serve(self, statement: Statement, wants: Sequence[Want]) -> list[TupleRow | None]:
        answers = await super()._serve(statement, wants)
        if statement is self.lost:
            self.lost = None
            if self.away:
                raise ClaimsUnavailableError("gone")
            return await super()._serve(statement, wants)
        return answers


@pytest.mark.integration
def test_a_group_that_is_found_instead_of_answered_is_written_again(database_url: str) -> None:
    async def script() -> None:
        async with _Losing(database_url) as claims:
            claims.lost = TAKE
            told = await _all(claims, [wanted(number) for number in (0, 1, 2, 1)])
            assert sorted(_keys(told)) == ["k0", "k1", "k2"]
            assert claims.groups[-1] == (HOLD, 3)

    asyncio.run(script())


@pytest.mark.integration
def test_a_group_whose_taking_was_not_answered_is_let_go(database_url: str) -> None:
    async def script() -> None:
        async with _Losing(database_url, 0.4) as first, PostgresClaims(database_url) as second:
            first.lost, first.away = TAKE, True
            asked = (first.claim(wanted(number)) for number in range(5))
            told = await asyncio.gather(*asked, return_exceptions=True)
            assert [type(each) for each in told] == [ClaimsUnavailableError] * 5
            for number in range(5):
                assert await verdict_after_a_renewal(second, wanted(number)) is Verdict.RUN

    asyncio.run(script())


@pytest.mark.integration
def test_a_call_that_is_cut_off_leaves_the_others_theirs(database_url: str) -> None:
    async def script() -> None:
        async with (
            PostgresClaims(database_url, lease_s=0.4) as first,
            PostgresClaims(database_url) as second,
        ):
            calls = [asyncio.create_task(first.claim(wanted(number))) for number in range(9)]
            await asyncio.sleep(0)
            calls[4].cancel()
            told = await asyncio.gather(*calls, return_exceptions=True)
            assert isinstance(told.pop(4), asyncio.CancelledError)
            assert {each.verdict for each in told if isinstance(each, Told)} == {Verdict.RUN}
            assert await verdict_after_a_renewal(second, wanted(4)) is Verdict.RUN
            assert (await second.claim(wanted(5))).verdict is Verdict.BUSY

    asyncio.run(script())


@pytest.mark.integration
def test_a_value_that_the_database_refuses_is_one_call_s_trouble(database_url: str) -> None:
    async def script() -> None:
        async with PostgresClaims(database_url) as claims:
            requests = [wanted(number) for number in range(5)]
            requests[2] = replace(requests[2], call_id="\0")
            asked = (claims.claim(each) for each in requests)
            told = await asyncio.gather(*asked, return_exceptions=True)
            refused = told.pop(2)
            assert isinstance(refused, ToolRefusedError)
            assert "cannot be claimed" in str(refused)
            assert {each.verdict for each in told if isinstance(each, Told)} == {Verdict.RUN}

    asyncio.run(script())


@pytest.mark.integration
@pytest.mark.parametrize("said", [text("é\u2028'\\\"x"), content(b"\0\xff", "a/b")])
def test_results_come_back_byte_for_byte(database_url: str, said: Content) -> None:
    async def script() -> None:
        async with PostgresClaims(database_url) as claims:
            await claims.finish(await taken(claims), said)
            assert (await claims.claim(REQUEST)).result == said

    asyncio.run(script())
