"""All owners together begin no more calls of a tool than its rate allows, each at its own turn."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace

import psycopg
import pytest

from runfold.processors.tool.claims.memory import MemoryClaims
from runfold.processors.tool.claims.port import Claims
from runfold.processors.tool.claims.postgres import PostgresClaims
from runfold.processors.tool.claims.turns import Offer, TurnRequest, Turns
from runfold.processors.tool.errors import ToolRefusedError
from tests.tool.claims.owners import Owners, Play

WANTED = TurnRequest(tenant="", tool="scan", each_s=100, longest_s=250)


def turns_of(owner: Claims) -> Turns:
    assert isinstance(owner, MemoryClaims | PostgresClaims)
    return owner.turns


def near(offer: Offer, wait_s: float) -> bool:
    """Whether a turn is where it belongs, as a slow machine sees it."""
    return wait_s - 60 < offer.wait_s <= wait_s + 0.001


def test_each_call_has_a_turn_of_its_own_until_the_next_is_too_far_off(play: Play) -> None:
    async def script(owners: Owners) -> None:
        one, other = turns_of(await owners.add()), turns_of(await owners.add())
        for turns, wait_s in ((one, 0), (other, 100), (one, 200)):
            offer = await turns.take(WANTED)
            assert offer.taken
            assert near(offer, wait_s), offer
        for turns in (one, other):
            offer = await turns.take(WANTED)
            assert not offer.taken
            assert near(offer, 300), offer
        # What was refused has taken nothing.
        offer = await one.take(replace(WANTED, longest_s=1000))
        assert offer.taken
        assert near(offer, 300), offer

    play(script)


def test_calls_at_once_get_different_turns(play: Play) -> None:
    async def script(owners: Owners) -> None:
        every = [turns_of(await owners.add()) for _ in range(3)]
        wanted = replace(WANTED, longest_s=10_000)
        offers = await asyncio.gather(*(one.take(wanted) for one in every for _ in range(8)))
        waits = sorted(offer.wait_s for offer in offers)
        assert all(offer.taken for offer in offers)
        assert near(Offer(waits[-1], taken=True), 2300)
        assert all(40 < later - before < 160 for before, later in itertools.pairwise(waits))

    play(script)


@pytest.mark.parametrize("other", [{"tool": "mail"}, {"tenant": "acme"}])
def test_tools_of_other_names_and_of_other_tenants_have_their_own(
    play: Play, other: dict[str, str]
) -> None:
    async def script(owners: Owners) -> None:
        turns = turns_of(await owners.add())
        first = replace(WANTED, longest_s=0)
        for wanted in (first, replace(first, **other)):  # type: ignore[arg-type]
            assert (await turns.take(wanted)).taken
            assert not (await turns.take(wanted)).taken

    play(script)


@pytest.mark.integration
def test_turns_of_a_quiet_time_are_not_saved_up(database_url: str) -> None:
    async def script() -> None:
        async with PostgresClaims(database_url) as claims:
            await claims.turns.take(WANTED)
            with psycopg.connect(database_url) as quiet:
                quiet.execute("UPDATE tool_turns SET next = next - interval '1 day'")
            for wait_s in (0, 100):
                assert near(await claims.turns.take(WANTED), wait_s)

    asyncio.run(script())


@pytest.mark.integration
def test_a_name_that_the_database_refuses_is_a_refusal(database_url: str) -> None:
    async def script() -> None:
        async with PostgresClaims(database_url) as claims:
            with pytest.raises(ToolRefusedError, match="refuses what names it"):
                await claims.turns.take(replace(WANTED, tool="a\0b"))
            assert (await claims.turns.take(WANTED)).taken
        with psycopg.connect(database_url) as looking:
            assert looking.execute("SELECT count(*) FROM tool_turns").fetchone() == (1,)

    asyncio.run(script())
