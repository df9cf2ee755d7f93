"""Where requests to addresses that strangers chose may go, as the operator says it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from urllib.parse import SplitResult, urlsplit

from runfold.infra.http.addresses import Network, refusal_of
from runfold.infra.settings.declared import outgoing as settings

_PORTS: Final = {"http": 80, "https": 443}
_MOST_URL = 2_000


class RefusedTargetError(Exception):
    """No request may go there; it is not worth trying again as long as the rules stay."""


@dataclass(frozen=True, slots=True)
class OutgoingRules:
    """What the operator lets requests reach, and how much of an answer is read.

    ``plain`` lets ``http`` pass; ``networks`` are private networks that requests may enter;
    ``ports`` are those that may be asked, None for all; ``authority`` is a PEM file that is trusted
    beside what the system trusts.
    """

    plain: bool = False
    networks: tuple[Network, ...] = ()
    ports: frozenset[int] | None = frozenset({443, 8443})
    connections: int = 512
    per_host: int = 32
    answer_bytes: int = 2_048
    authority: Path | None = None

    @classmethod
    def read(cls, env: Mapping[str, str] | None = None) -> Self:
        """Return the rules of the environment; ConfigError says what to set."""
        return cls(
            plain=settings.OUTGOING_HTTP.read(env),
            networks=settings.OUTGOING_PRIVATE.read(env),
            ports=settings.OUTGOING_PORTS.read(env),
            connections=settings.OUTGOING_CONNECTIONS.read(env),
            authority=settings.OUTGOING_AUTHORITY.read(env),
        )

    def check(self, url: str) -> SplitResult:
        """Return an address in its parts; raises RefusedTargetError for one that is refused as
        it is written. What a name stands for is checked when a request is made.
        """
        parts, port = _parts(url)
        if parts.scheme not in {"https", "http"} or (parts.scheme == "http" and not self.plain):
            raise RefusedTargetError("the address must begin with https://")
        if not parts.hostname:
            raise RefusedTargetError("the address names no host")
        if parts.username is not None or parts.password is not None:
            raise RefusedTargetError("the address holds a user or a password: leave them out")
        ports = self.ports
        if ports is not None and self.plain:
            ports |= {80}
        if ports is not None and (port or _PORTS[parts.scheme]) not in ports:
            raise RefusedTargetError(
                f"port {port or _PORTS[parts.scheme]} is not one of "
                f"{', '.join(map(str, sorted(ports)))}: RUNFOLD_OUTGOING_PORTS says which are"
            )
        if _is_literal(parts.hostname):
            self.check_address(parts.hostname)
        return parts

    def check_address(self, address: str) -> None:
        """Raise RefusedTargetError for an address that no request may go to."""
        if why := refusal_of(address, self.networks):
            raise RefusedTargetError(
                f"{address} {why}: RUNFOLD_OUTGOING_PRIVATE names networks that may be entered"
            )


def _parts(url: str) -> tuple[SplitResult, int | None]:
    if len(url) > _MOST_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise RefusedTargetError(
            f"the address must be of at most {_MOST_URL} visible ASCII characters"
        )
    with suppress(ValueError):
        parts = urlsplit(url)
        return parts, parts.port
    raise RefusedTargetError("this is no address")


def _is_literal(host: str) -> bool:
    # Systems also take 127.1, 0x7f000001 and 2130706433 for addresses: no public name ends so.
    last = host.rstrip(".").rpartition(".")[2]
    return ":" in host or last.isdigit() or last.lower().startswith("0x")
