"""All owners together hold no more slots than a tool has, and those of the dead come back."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace

import psycopg
import pytest

from runfold.processors.tool.claims.memory import MemoryClaims
from runfold.processors.tool.claims.port import Claims
from runfold.processors.tool.claims.postgres import PostgresClaims
from runfold.processors.tool.claims.slot_statements import TAKE
from runfold.processors.tool.claims.slots import Asking, PostgresSlots, Slot, SlotRequest, Slots
from runfold.processors.tool.claims.statements import Statement, Want
from runfold.processors.tool.errors import ClaimsUnavailableError, ToolRefusedError
from tests.tool.claims.owners import Owners, Play

WANTED = SlotRequest(tenant="", tool="scan", most=2, run_id="r", call_id="r.1")


def slots_of(owner: Claims) -> Slots:
    assert isinstance(owner, MemoryClaims | PostgresClaims)
    return owner.slots


async def taken(slots: Slots, wanted: SlotRequest = WANTED) -> Slot:
    slot = await slots.take(wanted)
    assert slot is not None
    return slot


async def given_back(slots: Slots, slot: Slot) -> None:
    """Give a slot back, and wait until the store knows."""
    slots.give_back(slot)
    if isinstance(slots, PostgresSlots):
        await asyncio.gather(*slots._giving)


def test_of_all_owners_no_more_have_one_than_there_are(play: Play) -> None:
    async def script(owners: Owners) -> None:
        one, other = slots_of(await owners.add()), slots_of(await owners.add())
        first = await taken(one)
        await taken(other)
        assert await one.take(WANTED) is None
        assert await other.take(WANTED) is None
        await given_back(one, first)
        await taken(other)
        assert await one.take(WANTED) is None

    play(script)


@pytest.mark.parametrize("other", [{"tool": "mail"}, {"tenant": "acme"}])
def test_tools_of_other_names_and_of_other_tenants_have_their_own(
    play: Play, other: dict[str, str]
) -> None:
    async def script(owners: Owners) -> None:
        slots = slots_of(await owners.add())
        for wanted in (WANTED, replace(WANTED, **other)):  # type: ignore[arg-type]
            for _ in range(2):
                await taken(slots, wanted)
            assert await slots.take(wanted) is None

    play(script)


def test_of_many_at_once_as_many_get_one_as_there_are(play: Play) -> None:
    async def script(owners: Owners) -> None:
        every = [slots_of(await owners.add()) for _ in range(3)]
        wanted = replace(WANTED, most=7)
        asked = [one.take(wanted) for one in every for _ in range(10)]
        found = [slot for slot in await asyncio.gather(*asked) if slot is not None]
        # Two that chose the same one leave it to one of them; the other looks again.
        while (more := await every[0].take(wanted)) is not None:
            found.append(more)
        assert len(found) == len({slot.token for slot in found}) == 7

    play(script)


def test_a_version_with_a_higher_bound_has_those_above_for_itself(play: Play) -> None:
    async def script(owners: Owners) -> None:
        slots = slots_of(await owners.add())
        higher = replace(WANTED, most=3)
        for _ in range(3):
            await taken(slots, higher)
        assert await slots.take(WANTED) is None

    play(script)


def test_slots_of_a_dead_owner_come_back_one_for_one(play: Play) -> None:
    async def script(owners: Owners) -> None:
        dies, lives = await owners.add(), await owners.add()
        await taken(slots_of(dies))
        await taken(slots_of(lives))
        assert await slots_of(lives).take(WANTED) is None
        await owners.kill(dies)
        await taken(slots_of(lives))
        assert await slots_of(lives).take(WANTED) is None

    play(script)


def test_what_a_dead_owner_gives_back_late_is_not_another_s(play: Play) -> None:
    async def script(owners: Owners) -> None:
        dies, lives = await owners.add(), await owners.add()
        late = [await taken(slots_of(dies)) for _ in range(2)]
        await owners.kill(dies)
        for _ in range(2):
            await taken(slots_of(lives))
        for slot in late:
            await given_back(slots_of(dies), slot)
        assert await slots_of(lives).take(WANTED) is None

    play(script)


@pytest.mark.integration
def test_what_a_process_that_ends_held_is_free_at_once(database_url: str) -> None:
    async def script() -> None:
        async with PostgresClaims(database_url) as stays:
            async with PostgresClaims(database_url) as leaves:
                for _ in range(2):
                    await taken(leaves.slots)
                assert await stays.slots.take(WANTED) is None
            await taken(stays.slots)

    asyncio.run(script())


@pytest.mark.integration
def test_what_could_not_be_given_back_is_given_back_with_the_lease(database_url: str) -> None:
    async def script() -> None:
        async with AsyncExitStack() as opened:
            claims = await opened.enter_async_context(PostgresClaims(database_url, lease_s=0.4))
            slot = await taken(claims.slots, replace(WANTED, most=1))
            ask, away = claims.slots._asking, Away()
            claims.slots._asking = away  # type: ignore[assignment]
            await given_back(claims.slots, slot)
            assert away.asked
            with pytest.raises(ClaimsUnavailableError):
                await claims.slots.take(WANTED)
            claims.slots._asking = ask
            # Nobody gives it back again: the renewal of the lease does.
            async with asyncio.timeout(30):
                while claims.slots._owed:  # noqa: ASYNC110 - the set tells nobody
                    await asyncio.sleep(0.01)
            await taken(claims.slots, replace(WANTED, most=1))

    asyncio.run(script())


@pytest.mark.integration
def test_a_slot_whose_answer_was_lost_is_had_all_the_same(database_url: str) -> None:
    async def script() -> None:
        async with PostgresClaims(database_url) as claims:
            claims.slots._asking = Forgets(claims.slots._asking)  # type: ignore[assignment]
            await taken(claims.slots, replace(WANTED, most=1))
        with psycopg.connect(database_url) as looking:
            assert looking.execute("SELECT count(*) FROM tool_slots").fetchone() == (0,)

    asyncio.run(script())


@pytest.mark.integration
def test_a_name_that_the_database_refuses_is_a_refusal(database_url: str) -> None:
    async def script() -> None:
        async with PostgresClaims(database_url) as claims:
            with pytest.raises(ToolRefusedError, match="refuses what names it"):
                await claims.slots.take(replace(WANTED, tool="a\0b"))
            await taken(claims.slots)

    asyncio.run(script())


class Away:
    """A store that does not answer."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    async def ask(self, statement: object, _want: object) -> None:
        self.asked.append(statement)
        raise ClaimsUnavailableError("no answer")


class Forgets:
    """A store whose first answer is lost after it did what it was asked."""

    def __init__(self, real: Asking) -> None:
        self._real = real
        self._lost = False

    async def ask(self, statement: Statement, want: Want) -> object:
        found = await self._real.ask(statement, want)
        if statement is TAKE and not self._lost:
            self._lost = True
            return None
        return found
