"""Who is refused again and again: it costs them time, is on record, and locks nobody out."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from datetime import UTC, datetime

import httpx
import pytest

from runfold.infra.gateway.api_key import new_key
from runfold.infra.gateway.key_store import Kept
from runfold.infra.metrics.table import TABLE
from runfold.surfaces.application.governing.doorkeeper import Doorkeeper
from runfold.surfaces.http.access.back_off import (
    ADDRESS,
    FORGOTTEN_S,
    FREE,
    KEY,
    LONGEST_S,
    PAIR,
    BackOff,
    network_of,
)
from runfold.surfaces.http.access.identity import LOOPBACK
from tests.http.serving import Served, serving

LOCAL = (ipaddress.ip_network("127.0.0.1"),)


def guess(key: str, number: int) -> str:
    """A key of the same id with another secret."""
    return f"{key[:16]}{number:0>43}"


def statuses(client: httpx.Client, keys: list[str], **headers: str) -> list[int]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return [
        client.get("/identity", headers={"authorization": f"Bearer {key}", **named}).status_code
        for key in keys
    ]


def counted() -> tuple[float, float]:
    """How often an address was held up, and keys were refused."""
    ask = TABLE.registry.get_sample_value
    return (
        ask("runfold_http_back_offs_total", {"by": ADDRESS}) or 0.0,
        ask("runfold_http_refusals_total", {"code": "unauthenticated"}) or 0.0,
    )


def test_who_knows_a_keys_id_cannot_lock_its_owner_out(served: Served) -> None:
    key, client = served.key(), served.stranger()
    for number in range(80):
        # From the owner's own address, as behind one proxy.
        statuses(client, [guess(key, number)])
        assert statuses(client, [key]) == [200]
    wrong = [guess(key, number) for number in range(60)]
    assert statuses(client, wrong)[-20:] == [429] * 20
    assert statuses(client, [key]) == [200]


def test_unknown_keys_from_one_address_back_off_and_a_new_right_one_does_not(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    client, many = served.stranger(), [str(new_key()) for _ in range(40)]
    before = counted()
    with caplog.at_level(logging.WARNING, "runfold.gateway"):
        assert statuses(client, many) == [401] * FREE[ADDRESS] + [429] * 10
    answer = client.get("/identity", headers={"authorization": f"Bearer {new_key()}"})
    assert answer.json()["code"] == "refused_too_often"
    assert int(answer.headers["retry-after"]) >= 1
    assert statuses(client, [served.key()]) == [200]
    assert [now - then for now, then in zip(counted(), before, strict=True)] == [1, FREE[ADDRESS]]
    (line,) = [each for each in caplog.records if "again and again" in each.getMessage()]
    assert (line.__dict__["address"], line.__dict__["wait_s"]) == ("127.0.0.1", 2)
    # What is no key at all counts as well.
    assert statuses(client, ["nonsense"]) == [429]


def test_one_key_tried_from_many_addresses_is_seen_by_its_id() -> None:
    with serving(proxies=LOCAL) as served:
        key, client = served.key(), served.stranger()
        looks: list[str] = []
        get = served.store.get

        def counted(key_id: str) -> Kept | None:
            looks.append(key_id)
            return get(key_id)

        served.store.get = counted  # type: ignore[method-assign]
        served.gateway.door.keys._believed_s = 60
        found = [
            statuses(client, [guess(key, n)], x_forwarded_for=f"203.0.113.{n}")[0]
            for n in range(1, 60)
        ]
        assert found == [401] * FREE[KEY] + [429] * (59 - FREE[KEY])
        # Once it is seen, the store is asked no more, and the owner is let in from anywhere.
        assert len(looks) == FREE[KEY] + 2
        assert statuses(client, [key], x_forwarded_for="198.51.100.7") == [200]
        kept = served.keys.list()[0]
        assert kept.last_refused_at is not None
        assert kept.last_used_at is not None


def test_a_key_that_was_revoked_is_refused_also_where_the_store_is_spared() -> None:
    clock = [1000.0]
    with serving() as served:
        door = Doorkeeper(served.store, b"k" * 32, elapsed=lambda: clock[0])
        key, now = served.key(), datetime.now(UTC)
        assert door.let_in(guess(key, 1), now, spare=True) is None
        served.keys.revoke(key[3:15], now)
        clock[0] += 4.9
        assert door.let_in(key, now, spare=True) is not None
        clock[0] += 0.2
        assert door.known(key, now) is None
        assert door.let_in(key, datetime.now(UTC), spare=True) is None


def test_who_asks_again_and_again_for_what_is_not_granted_waits(served: Served) -> None:
    client, other = served.client(scopes=("runs:read",)), served.client(scopes=("runs:read",))
    found = [client.get("/definitions") for _ in range(35)]
    assert [each.status_code for each in found] == [403] * 30 + [429] * 5
    assert found[-1].json()["code"] == "refused_too_often"
    # What it does grant is served, and others are not held up.
    assert client.get("/identity").status_code == 200
    assert other.get("/definitions").status_code == 403


class Counting:
    """A back-off whose clock a test turns."""

    def __init__(self, most: int = 1000) -> None:
        self.now = 0.0
        self.it = BackOff(elapsed=lambda: self.now, most=most)


def test_the_time_grows_and_is_forgotten() -> None:
    counting = Counting()
    waits = []
    for _ in range(20):
        waits.append(counting.it.refused(**{PAIR: "x"}))
        counting.now += waits[-1] + 1
    assert waits == [0.0] * 5 + [2, 4, 8, 16, 32, 64, 128, 256, *[LONGEST_S] * 7]
    counting.now += FORGOTTEN_S + 1
    assert counting.it.refused(**{PAIR: "x"}) == 0


def test_strangers_cannot_make_it_forget_themselves_nor_grow() -> None:
    counting = Counting(most=100)
    for number in range(10_000):
        counting.it.refused(**{ADDRESS: "attacker", KEY: f"key-{number}", PAIR: f"pair-{number}"})
    assert len(counting.it._counts) == 100
    assert counting.it.is_held_up(ADDRESS, "attacker")
    assert not counting.it._lanes


def test_the_log_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    counting = Counting()
    with caplog.at_level(logging.WARNING, "runfold.gateway"):
        for number in range(200):
            for _ in range(6):
                counting.it.refused(**{PAIR: f"pair-{number}"})
    assert len(caplog.records) == 20


def test_keys_of_an_address_that_is_held_up_are_looked_up_one_after_another() -> None:
    counting = Counting()
    for _ in range(FREE[ADDRESS] + 1):
        counting.it.refused(**{ADDRESS: "x"})
    most = [0, 0]

    async def look(address: str) -> bool:
        try:
            async with counting.it.lane(address):
                most[0] += 1
                most[1] = max(most)
                await asyncio.sleep(0)
                most[0] -= 1
        except Exception:  # noqa: BLE001 - it is counted
            return False
        return True

    async def looks(address: str) -> list[bool]:
        return await asyncio.gather(*(look(address) for _ in range(40)))

    assert asyncio.run(looks("x")).count(True) == 32
    assert most[1] == 1
    assert asyncio.run(looks("y")).count(True) == 40
    assert not counting.it._lanes


def test_a_key_that_was_let_in_before_stands_in_no_line(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runfold.surfaces.http.access.back_off._MOST_WAITING", 0)
    client, known, new = served.stranger(), served.key(), served.key()
    assert statuses(client, [known]) == [200]
    statuses(client, [str(new_key()) for _ in range(FREE[ADDRESS] + 1)])
    assert statuses(client, [known, new]) == [200, 429]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_one_host_of_ipv6_is_one_network(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(
    ("peer", "forwarded", "seen"),
    [
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["8.8.8.8, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["8.8.8.8", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["8.8.8.8, nonsense"], "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["10.0.0.3"], "10.0.0.3"),
        ("::ffff:10.0.0.1", ["2001:db8::1"], "2001:db8::1"),
    ],
)
def test_of_forwarded_addresses_only_those_of_proxies_count(
    peer: str, forwarded: list[str], seen: str
) -> None:
    from starlette.requests import Request  # noqa: PLC0415 - only here

    from runfold.surfaces.http.access.peers import address_of  # noqa: PLC0415

    headers = [(b"x-forwarded-for", each.encode()) for each in forwarded]
    request = Request({"type": "http", "client": (peer, 1), "headers": headers})
    assert address_of(request, (ipaddress.ip_network("10.0.0.0/8"),)) == seen
    assert address_of(request) == peer


def test_a_key_of_this_machine_does_not_let_in_by_way_of_a_proxy(served: Served) -> None:
    key, client = served.key(scopes=("*", LOOPBACK)), served.stranger()
    assert statuses(client, [key]) == [200]
    assert statuses(client, [key], x_forwarded_for="203.0.113.7") == [401]
    assert statuses(client, [key], forwarded="for=203.0.113.7") == [401]
