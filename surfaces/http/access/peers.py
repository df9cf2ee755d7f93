"""Where a request comes from: the connection's address, or what a proxy that is trusted says."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from starlette.requests import Request

from runfold.infra.settings.kinds import Network

_MOST_HOPS = 20


def address_of(request: Request, proxies: Sequence[Network] = ()) -> str:
    """Return the address of whoever asks, empty where it is not known.

    Of `X-Forwarded-For` only what trusted proxies wrote is believed: from its end to the first
    address that is none of theirs.
    """
    peer = request.client.host if request.client else ""
    if not proxies or not _is_in(peer, proxies):
        return peer
    hops = [
        hop.strip()
        for line in request.headers.getlist("x-forwarded-for")
        for hop in line.split(",")
    ]
    for hop in reversed(hops[-_MOST_HOPS:]):
        place = _place(hop)
        if place is None:
            return peer
        peer = str(place)
        if not _is_in(peer, proxies):
            return peer
    return peer


def is_near(request: Request) -> bool:
    """Whether a request was made on this machine: not by way of a proxy that stands on it."""
    if any(name in request.headers for name in ("forwarded", "x-forwarded-for", "via")):
        return False
    place = _place(request.client.host) if request.client else None
    return place is not None and place.is_loopback


def _is_in(address: str, networks: Sequence[Network]) -> bool:
    place = _place(address)
    return place is not None and any(place in network for network in networks)


def _place(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        place = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
    mapped = place.ipv4_mapped if isinstance(place, ipaddress.IPv6Address) else None
    return mapped or place
