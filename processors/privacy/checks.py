"""Whether digits that look like a number of some kind can be one."""

from __future__ import annotations

import ipaddress

_LONGEST_CARD, _SHORTEST_CARD = 19, 13
_LONGEST_IBAN, _SHORTEST_IBAN = 34, 15
_AS_NUMBERS = {ord(c): str(int(c, 36)) for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def is_card(said: str) -> bool:
    """Return whether these digits, blanks and hyphens pass Luhn's check, and a card's length."""
    digits = [int(c) for c in said if c.isdigit()]
    if not _SHORTEST_CARD <= len(digits) <= _LONGEST_CARD or len(set(digits)) == 1:
        return False
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return digits[0] in range(2, 7) and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def is_iban(said: str) -> bool:
    """Return whether an IBAN's check digits are right (ISO 13616, modulo 97)."""
    bare = said.replace(" ", "").upper()
    if not bare.isascii() or not _SHORTEST_IBAN <= len(bare) <= _LONGEST_IBAN:
        return False
    return int((bare[4:] + bare[:4]).translate(_AS_NUMBERS)) % 97 == 1


def is_address(said: str) -> bool:
    """Return whether this is an IPv4 or IPv6 address."""
    try:
        found = ipaddress.ip_address(said)
    except ValueError:
        return False
    return not found.is_unspecified


def is_phone(said: str) -> bool:
    """Return whether there are as many digits as a telephone number has."""
    return 8 <= sum(c.isdigit() for c in said) <= 15


def is_ssn(said: str) -> bool:
    """Return whether this can be a social security number of the United States."""
    area, group, serial = said.split("-")
    return area not in {"000", "666"} and area < "900" and group != "00" and serial != "0000"
