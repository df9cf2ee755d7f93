"""Claims of sealed tenants: the stored result is one that only the tenant's key opens."""

from __future__ import annotations

from dataclasses import replace

from runfold.events.contents.content import Content
from runfold.events.errors import KeysUnavailableError, ShutError
from runfold.events.sealing.sealing import Sealing
from runfold.processors.tool.claims.port import ClaimRequest, Claims, Held, Told
from runfold.processors.tool.errors import ClaimsUnavailableError

_KIND = "Claim"


class SealedClaims:
    """Claims beneath which no result of a sealed tenant is in plain; the others' are as they were.

    Where a key cannot be had, a claim cannot be read or ended: it is as if the store were away.
    """

    def __init__(self, claims: Claims, sealing: Sealing | None) -> None:
        self._claims, self._sealing = claims, sealing
        self._tenants: dict[str, str] = {}

    async def claim(self, wanted: ClaimRequest) -> Told:
        """Take the claim, or say why not."""
        told = await self._claims.claim(wanted)
        if told.held is not None:
            self._tenants[told.held.token] = wanted.tenant_id
        if told.result is None or self._sealing is None:
            return told
        subject = f"{wanted.tool}/{wanted.idempotency_key}"
        opened = self._opened(told.result, wanted.tenant_id, subject)
        return replace(told, result=opened)

    async def finish(self, held: Held, result: Content) -> None:
        """Store the result, sealed."""
        tenant = self._tenants.pop(held.token, None)
        if tenant is not None and self._sealing is not None:
            result = self._sealed(result, tenant, f"{held.tool}/{held.idempotency_key}")
        await self._claims.finish(held, result)

    async def release(self, held: Held) -> None:
        """Let the claim go."""
        self._tenants.pop(held.token, None)
        await self._claims.release(held)

    async def doubt(self, held: Held) -> None:
        """Note that nobody knows what happened."""
        self._tenants.pop(held.token, None)
        await self._claims.doubt(held)

    def abandon(self, held: Held) -> None:
        """Note the same of an execution that was cut off."""
        self._tenants.pop(held.token, None)
        self._claims.abandon(held)

    def _sealed(self, result: Content, tenant: str, subject: str) -> Content:
        assert self._sealing is not None
        try:
            digest = self._sealing.kept(tenant, subject, f"{_KIND}.digest", result.digest)
            inline = result.inline
            if inline is not None:
                inline = self._sealing.kept(tenant, subject, _KIND, inline)
        except (KeysUnavailableError, ShutError) as error:
            raise ClaimsUnavailableError(str(error)) from error
        return result.model_copy(update={"digest": digest, "inline": inline})

    def _opened(self, result: Content, tenant: str, subject: str) -> Content:
        assert self._sealing is not None
        try:
            digest = self._sealing.read(tenant, subject, f"{_KIND}.digest", result.digest)
            inline = result.inline
            if inline is not None:
                inline = self._sealing.read(tenant, subject, _KIND, inline)
        except (KeysUnavailableError, ShutError) as error:
            raise ClaimsUnavailableError(str(error)) from error
        return result.model_copy(update={"digest": digest, "inline": inline})
