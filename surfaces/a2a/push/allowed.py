"""Whether somebody is still told in the name of who had them told: it is looked at again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from runfold.infra.gateway.api_key import ANY_SCOPE
from runfold.infra.gateway.pushed import PushConfig
from runfold.surfaces.application.governing.doorkeeper import Doorkeeper
from runfold.surfaces.http.access.identity import READ, WRITE

Allowed = Callable[[PushConfig, datetime], str]
"""Returns why nobody is told any more, empty where they are; may block, and raise what a store
raises.
"""


def allowed_by(keys: Doorkeeper, issuers: Iterable[str] = ()) -> Allowed:
    """Return what looks at the credential that a config was set with.

    A key counts as long as it lets in, or the one that came in its place, and grants what setting
    needs. A token cannot be asked about again: it counts until it expires, and as long as its
    issuer, one of these by name, is trusted.
    """
    trusted = frozenset(issuers)

    def why_not(config: PushConfig, now: datetime) -> str:
        issuer, is_token, _ = config.key_id.partition("/")
        if is_token:
            if issuer not in trusted:
                return "the issuer of the token that set it is not trusted any more"
            if config.until is None or config.until <= now:
                return "the token that set it has expired"
            return ""
        key = keys.in_force(config.key_id, now)
        if key is None or key.tenant_id != config.key.tenant_id:
            return "the key that set it is revoked or has expired"
        if ANY_SCOPE not in key.scopes and not {READ, WRITE} <= set(key.scopes):
            return f"the key that set it does not grant {READ} and {WRITE} any more"
        return ""

    return why_not
