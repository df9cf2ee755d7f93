"""One contract for claims, kept by the store in memory and by Postgres."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import TupleRow

from runfold.events.contents.content import json_content
from runfold.processors.tool.claims.port import Claim, ClaimState, Verdict, judge
from runfold.processors.tool.claims.postgres import PostgresClaims
from runfold.processors.tool.claims.statements import END, TAKE, TAKE_OVER, Statement, Want
from runfold.processors.tool.errors import ClaimsUnavailableError
from tests.tool.claims.owners import REQUEST, RESULT, Owners, Play, taken, verdict_after_a_renewal


def test_the_first_runs_and_the_second_waits(play: Play) -> None:
    async def script(owners: Owners) -> None:
        first, second = await owners.add(), await owners.add()
        await taken(first)
        assert (await second.claim(REQUEST)).verdict is Verdict.BUSY
        assert (await first.claim(REQUEST)).verdict is Verdict.BUSY

    play(script)


def test_of_many_at_once_one_runs(play: Play) -> None:
    async def script(owners: Owners) -> None:
        every = [await owners.add() for _ in range(5)]
        told = await asyncio.gather(*(owner.claim(REQUEST) for owner in every))
        assert sorted(one.verdict for one in told) == [Verdict.BUSY] * 4 + [Verdict.RUN]

    play(script)


def test_of_many_at_once_one_takes_over(play: Play) -> None:
    async def script(owners: Owners) -> None:
        dead, *every = [await owners.add() for _ in range(6)]
        again = replace(REQUEST, safe_to_repeat=True)
        await taken(dead, again)
        await owners.kill(dead)
        told = await asyncio.gather(*(owner.claim(again) for owner in every))
        assert sorted(one.verdict for one in told) == [Verdict.BUSY] * 4 + [Verdict.RUN]

    play(script)


def test_a_finished_claim_answers_with_its_result(play: Play) -> None:
    async def script(owners: Owners) -> None:
        first, second = await owners.add(), await owners.add()
        await first.finish(await taken(first), RESULT)
        for attempt in (1, 2):
            told = await second.claim(replace(REQUEST, attempt=attempt))
            assert (told.verdict, told.result) == (Verdict.ANSWERED, RESULT)

    play(script)


def test_the_result_outlives_its_owner(play: Play) -> None:
    async def script(owners: Owners) -> None:
        first, second = await owners.add(), await owners.add()
        await first.finish(await taken(first), RESULT)
        await owners.kill(first)
        assert (await second.claim(REQUEST)).result == RESULT

    play(script)


@pytest.mark.parametrize("change", [{"arguments_digest": b"b"}, {"tenant_id": "other"}])
@pytest.mark.parametrize("finished", [True, False])
def test_the_key_with_other_arguments_or_of_another_tenant_is_refused(
    play: Play, change: dict[str, object], *, finished: bool
) -> None:
    async def script(owners: Owners) -> None:
        owner = await owners.add()
        held = await taken(owner)
        if finished:
            await owner.finish(held, RESULT)
        told = await owner.claim(replace(REQUEST, **change))  # type: ignore[arg-type]
        assert told.verdict is Verdict.CONFLICT

    play(script)


def test_another_key_or_another_tool_is_another_claim(play: Play) -> None:
    async def script(owners: Owners) -> None:
        owner = await owners.add()
        await taken(owner)
        await taken(owner, replace(REQUEST, idempotency_key="k2"))
        await taken(owner, replace(REQUEST, tool="mail"))

    play(script)


def test_a_released_claim_may_be_taken_again(play: Play) -> None:
    async def script(owners: Owners) -> None:
        first, second = await owners.add(), await owners.add()
        await first.release(await taken(first))
        await taken(second)

    play(script)


def test_an_uncertain_claim_needs_somebody_s_word(play: Play) -> None:
    async def script(owners: Owners) -> None:
        owner = await owners.add()
        await owner.doubt(await taken(owner))
        assert (await owner.claim(REQUEST)).verdict is Verdict.UNCERTAIN
        await taken(owner, replace(REQUEST, attempt=2, cleared=1))

    play(script)


def test_a_higher_attempt_is_nobody_s_word(play: Play) -> None:
    """The run was told that attempt 1 had failed; then the record of attempt 1 came again."""

    async def script(owners: Owners) -> None:
        owner = await owners.add()
        await owner.doubt(await taken(owner))
        assert (await owner.claim(replace(REQUEST, attempt=2))).verdict is Verdict.UNCERTAIN
        await taken(owner, replace(REQUEST, attempt=3, cleared=2))

    play(script)


def test_a_word_about_an_earlier_attempt_says_nothing_of_a_later_one(play: Play) -> None:
    async def script(owners: Owners) -> None:
        owner = await owners.add()
        await owner.doubt(await taken(owner, replace(REQUEST, attempt=2, cleared=1)))
        third = await owner.claim(replace(REQUEST, attempt=3, cleared=1))
        assert third.verdict is Verdict.UNCERTAIN

    play(script)


def test_nobody_knows_what_a_dead_owner_did(play: Play) -> None:
    async def script(owners: Owners) -> None:
        first, second = await owners.add(), await owners.add()
        await taken(first)
        await owners.kill(first)
        assert (await second.claim(REQUEST)).verdict is Verdict.UNCERTAIN
        # Being asked changes nothing.
        assert (await second.claim(REQUEST)).verdict is Verdict.UNCERTAIN

    play(script)


def test_after_a_person_said_it_did_not_happen_the_next_attempt_runs(play: Play) -> None:
    async def script(owners: Owners) -> None:
        first, second = await owners.add(), await owners.add()
        await taken(first)
        await owners.kill(first)
        held = await taken(second, replace(REQUEST, attempt=2, cleared=1))
        await second.finish(held, RESULT)
        assert (await second.claim(REQUEST)).verdict is Verdict.ANSWERED

    play(script)


def test_what_is_safe_to_repeat_is_taken_over_from_a_dead_owner(play: Play) -> None:
    async def script(owners: Owners) -> None:
        first, second = await owners.add(), await owners.add()
        await taken(first)
        await owners.kill(first)
        await taken(second, replace(REQUEST, safe_to_repeat=True))

    play(script)


def test_an_owner_that_was_replaced_cannot_end_the_claim(play: Play) -> None:
    async def script(owners: Owners) -> None:
        first, second = await owners.add(), await owners.add()
        zombie = await taken(first)
        await owners.kill(first)
        held = await taken(second, replace(REQUEST, attempt=2, cleared=1))
        await first.finish(zombie, json_content("too late"))
        assert (await second.claim(REQUEST)).verdict is Verdict.BUSY
        await second.finish(held, RESULT)
        assert (await second.claim(REQUEST)).result == RESULT

    play(script)


def test_an_owner_thought_dead_may_still_say_how_it_ended(play: Play) -> None:
    async def script(owners: Owners) -> None:
        first, second = await owners.add(), await owners.add()
        held = await taken(first)
        await owners.kill(first)
        assert (await second.claim(REQUEST)).verdict is Verdict.UNCERTAIN
        await first.finish(held, RESULT)
        assert (await second.claim(REQUEST)).verdict is Verdict.ANSWERED

    play(script)


@pytest.mark.parametrize("state", list(ClaimState))
@pytest.mark.parametrize("lives", [True, False])
@pytest.mark.parametrize("attempt", [1, 2])
def test_the_same_attempt_of_an_unsafe_tool_never_runs_twice(
    state: ClaimState, attempt: int, *, lives: bool
) -> None:
    claim = Claim("acme", attempt, b"a", state, "token")
    verdict = judge(claim, replace(REQUEST, attempt=attempt), owner_lives=lives)
    assert (verdict is Verdict.RUN) == (state is ClaimState.RELEASED)


@pytest.mark.integration
def test_a_broken_connection_is_opened_again(database_url: str) -> None:
    async def script() -> None:
        async with PostgresClaims(database_url) as claims:
            held = await taken(claims)
            with psycopg.connect(database_url, autocommit=True) as admin:
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            await claims.finish(held, RESULT)
            assert (await claims.claim(REQUEST)).result == RESULT

    asyncio.run(script())


@pytest.mark.integration
def test_a_lease_is_renewed_while_its_owner_lives(database_url: str) -> None:
    async def script() -> None:
        async with (
            PostgresClaims(database_url, lease_s=0.2) as first,
            PostgresClaims(database_url) as second,
        ):
            await taken(first)
            await asyncio.sleep(0.5)
            assert (await second.claim(REQUEST)).verdict is Verdict.BUSY

    asyncio.run(script())


@pytest.mark.integration
def test_an_owner_that_leaves_is_dead_at_once(database_url: str) -> None:
    async def script() -> None:
        async with PostgresClaims(database_url) as second:
            async with PostgresClaims(database_url) as first:
                await taken(first)
            assert (await second.claim(REQUEST)).verdict is Verdict.UNCERTAIN

    asyncio.run(script())


class _AnswerLost(PostgresClaims):
    """The first answer to a claim gets lost with the connection: it is asked for again."""

    writers: tuple[object, ...] = ()

    async def _serve(self, statement: Statement, wants: Sequence[Want]) -> list[TupleRow | None]:
        answers = await super()._serve(statement, wants)
        if statement is TAKE and not self.writers:
            self.writers = await self.writer()
            answers = await super()._serve(statement, wants)
            assert answers == [None]
        return answers

    async def writer(self) -> tuple[object, ...]:
        """The transaction that wrote the claim."""
        return (await self._connection.rows("SELECT xmin::text FROM tool_claims", ()))[0]


@pytest.mark.integration
def test_a_claim_that_is_found_instead_of_answered_is_written_before_it_counts(
    database_url: str,
) -> None:
    # What a server shows after its crash may not have reached the standby that will replace it.
    async def script() -> None:
        async with _AnswerLost(database_url) as claims:
            await taken(claims)
            assert claims.writers
            assert await claims.writer() != claims.writers

    asyncio.run(script())


class _Unanswered(PostgresClaims):
    """What is written by ``lost`` is written, but the database is gone before it says so."""

    lost: Statement | None = None

    async def _serve(self, statement: Statement, wants: Sequence[Want]) -> list[TupleRow | None]:
        answers = await super()._serve(statement, wants)
        if statement is self.lost:
            self.lost = None
            raise ClaimsUnavailableError("gone")
        return answers


@pytest.mark.integration
def test_a_claim_whose_taking_was_not_answered_is_let_go(database_url: str) -> None:
    # Its owner lives and renews its lease: nobody else would ever be let in.
    async def script() -> None:
        async with _Unanswered(database_url, 0.4) as first, PostgresClaims(database_url) as second:
            first.lost = TAKE
            with pytest.raises(ClaimsUnavailableError):
                await first.claim(REQUEST)
            assert await verdict_after_a_renewal(second) is Verdict.RUN

    asyncio.run(script())


@pytest.mark.integration
@pytest.mark.parametrize(("cleared", "then"), [(0, Verdict.UNCERTAIN), (1, Verdict.RUN)])
def test_a_take_over_that_was_not_answered_leaves_the_doubt_there_was(
    database_url: str, cleared: int, then: Verdict
) -> None:
    # It was taken over to ask the tool, or on a person's word.
    asking = replace(REQUEST, attempt=2, safe_to_repeat=not cleared, cleared=cleared)

    async def script() -> None:
        async with _Unanswered(database_url, 0.4) as first, PostgresClaims(database_url) as second:
            await first.doubt(await taken(first))
            first.lost = TAKE_OVER
            with pytest.raises(ClaimsUnavailableError):
                await first.claim(asking)
            again = replace(REQUEST, attempt=3, cleared=cleared)
            assert await verdict_after_a_renewal(second, again) is then

    asyncio.run(script())


@pytest.mark.integration
def test_an_end_that_could_not_be_stored_is_stored_later(database_url: str) -> None:
    class Away(_Unanswered):
        async def _serve(
            self, statement: Statement, wants: Sequence[Want]
        ) -> list[TupleRow | None]:
            if statement is self.lost:
                self.lost = None
                raise ClaimsUnavailableError("away")
            return await super()._serve(statement, wants)

    async def script() -> None:
        async with Away(database_url, 0.4) as first, PostgresClaims(database_url) as second:
            held, first.lost = await taken(first), END
            with pytest.raises(ClaimsUnavailableError):
                await first.finish(held, RESULT)
            assert await verdict_after_a_renewal(second) is Verdict.ANSWERED
            assert (await second.claim(REQUEST)).result == RESULT

    asyncio.run(script())


@pytest.mark.integration
def test_a_result_that_the_database_refuses_leaves_a_doubt_and_the_lease_lives(
    database_url: str,
) -> None:
    refused = RESULT.model_copy(update={"media_type": "text/\x00"})
    other = replace(REQUEST, idempotency_key="another")

    async def script() -> None:
        async with (
            PostgresClaims(database_url, 0.4) as first,
            PostgresClaims(database_url) as second,
        ):
            held = await taken(first)
            await taken(first, other)
            with pytest.raises(ClaimsUnavailableError, match="refuses the end"):
                await first.finish(held, refused)
            assert await verdict_after_a_renewal(second) is Verdict.UNCERTAIN
            await asyncio.sleep(1)
            assert (await second.claim(other)).verdict is Verdict.BUSY

    asyncio.run(script())


def test_an_execution_that_was_cut_off_is_in_doubt(play: Play) -> None:
    async def script(owners: Owners) -> None:
        first, second = await owners.add(), await owners.add()
        first.abandon(await taken(first))
        assert await verdict_after_a_renewal(second) is Verdict.UNCERTAIN

    play(script)


@pytest.mark.integration
def test_a_database_that_is_away_at_first_is_waited_for(database_url: str) -> None:
    name = urlsplit(database_url).path.strip("/")

    def allow(*, connections: bool) -> None:
        with psycopg.connect(database_url.replace(name, "postgres"), autocommit=True) as admin:
            admin.execute(
                sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(
                    sql.Identifier(name), sql.Literal(connections)
                )
            )

    async def script() -> None:
        allow(connections=False)
        with pytest.raises(ClaimsUnavailableError):
            await PostgresClaims(database_url).__aenter__()
        asyncio.get_running_loop().call_later(0.7, lambda: allow(connections=True))
        async with PostgresClaims(database_url, wait_s=20) as claims:
            await taken(claims)

    asyncio.run(script())


@pytest.mark.integration
def test_a_lease_that_had_lapsed_is_told_of(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def script() -> None:
        async with PostgresClaims(database_url, 0.2):
            await asyncio.sleep(0.1)
            # As if the machine had stood still.
            time.sleep(0.4)  # noqa: ASYNC251
            await asyncio.sleep(0.2)

    asyncio.run(script())
    assert "the lease had lapsed" in caplog.text
