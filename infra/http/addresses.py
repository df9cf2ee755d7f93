"""Which addresses a request that strangers chose may go to: those of the public internet alone.

An address within an address (mapped, 6to4, Teredo, NAT64) is judged as well: the way to a private
network that a check of the outer one would miss.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
# What versions of Python judge differently, a control service of a cloud that has a public address,
# and the local NAT64 prefix: where in it an inner address stands is each network's own choice.
_REFUSED: tuple[Network, ...] = tuple(
    ipaddress.ip_network(each)
    for each in (
        *("100.64.0.0/10", "168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15"),
        *("2001:db8::/32", "3fff::/20", "5f00::/16", "fec0::/10", "64:ff9b:1::/48"),
    )
)


def refusal_of(address: str, allowed: Iterable[Network] = ()) -> str:
    """Return why no request may go to an address, as the end of a sentence; empty where it may.

    ``allowed`` are networks that the operator lets requests into although they are not public.
    """
    try:
        outer = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "is no address"
    permitted = tuple(allowed)
    for each in _within(outer):
        if any(each.version == net.version and each in net for net in permitted):
            continue
        if not _is_public(each):
            return "is not an address of the public internet"
    return ""


def _is_public(address: Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not address.is_unspecified
        and not any(address.version == each.version and address in each for each in _REFUSED)
    )


def _within(address: Address) -> Iterator[Address]:
    """Yield the addresses that one stands for; a mapped one stands for the inner one alone."""
    if isinstance(address, ipaddress.IPv4Address):
        yield address
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
        return
    if address in _NAT64:
        # Reserved as a whole in some versions of Python, public in others: the inner one counts.
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return
    yield address
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if address in _COMPATIBLE and int(address) > 0xFFFF:
        yield ipaddress.IPv4Address(int(address))
