"""Sends a notification to an address that a stranger gave, and to nowhere that was not meant.

An operator names the hosts that may be told. A host that is named may be anywhere, also near by
and without TLS; any other is spoken to as webhooks are: by the rules of the settings
``RUNFOLD_OUTGOING_…``, at public addresses alone. Both go through the one client for such requests.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Protocol
from urllib.parse import SplitResult

from runfold.infra.http.outgoing import NoAnswerError, Outgoing, RefusedTargetError
from runfold.infra.http.rules import OutgoingRules

ANY_HOST: Final = "*"
_WITHIN_S = 10.0
_PORTS: Final = {"http": 80, "https": 443}
_EVERYWHERE: Final = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))


class SendError(Exception):
    """It was not taken; ``over`` says that it will not be, however often it is sent."""

    def __init__(self, sentence: str, *, over: bool = False) -> None:
        super().__init__(sentence)
        self.over = over


class Sender(Protocol):
    """Sends notifications; one for a loop."""

    def why_not(self, url: str) -> str:
        """Return why nothing is sent there, empty where it may be, as far as the address says."""
        ...

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> None:
        """Send once; raises SendError."""
        ...

    async def close(self) -> None:
        """Close what is open."""
        ...


class HttpSender:
    """Posts to hosts that were named, and to public ones where ``*`` is."""

    def __init__(self, hosts: tuple[str, ...], rules: OutgoingRules | None = None) -> None:
        # Many tenants may be told at one host: each has its own bound, see ``Pushing``.
        rules = rules or OutgoingRules()
        rules = replace(rules, per_host=rules.connections)
        self._named = frozenset(host.lower() for host in hosts if host != ANY_HOST)
        self._any = ANY_HOST in hosts
        near = replace(rules, plain=True, networks=_EVERYWHERE, ports=None)
        self._near, self._public = Outgoing(near), Outgoing(rules)

    def why_not(self, url: str) -> str:
        """Return why nothing is sent there, empty where it may be."""
        try:
            self._way(url)
        except RefusedTargetError as refused:
            return str(refused)
        return ""

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> None:
        """Send once; raises SendError."""
        try:
            answer = await self._way(url).post(url, body, headers, _WITHIN_S)
        except RefusedTargetError as refused:
            raise SendError(str(refused), over=True) from refused
        except NoAnswerError as lost:
            raise SendError(str(lost)) from lost
        if not 200 <= answer.status < 300:
            raise SendError(f"the answer was {answer.status}", over=answer.status == 410)

    async def close(self) -> None:
        """Close the connections."""
        await self._near.close()
        await self._public.close()

    def _way(self, url: str) -> Outgoing:
        """Return what may send there; raises RefusedTargetError."""
        parts = self._near.rules.check(url)
        if self._is_named(parts):
            return self._near
        if not self._any:
            raise RefusedTargetError(
                "its host is none of those that notifications go to (RUNFOLD_A2A_PUSH_HOSTS)"
            )
        self._public.rules.check(url)
        return self._public

    def _is_named(self, parts: SplitResult) -> bool:
        host = (parts.hostname or "").lower()
        return not self._named.isdisjoint({host, f"{host}:{parts.port or _PORTS[parts.scheme]}"})
