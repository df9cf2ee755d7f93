"""Who a credential stands for: the same fields whatever the credential is. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from runfold.events.values import DataClassification
from runfold.infra.gateway.api_key import ApiKey


@dataclass(frozen=True, slots=True)
class Principal:
    """Tenant, user and what they may, as a credential that was checked says.

    ``key_id`` names the credential's holder for limits and logs: the id of an API key, or
    ``ISSUER/USER`` of a token. ``scopes`` are those of the gateway and those that runs may have.
    ``until`` is when a token expires, None for a key: that is asked about again.
    """

    tenant_id: str
    user_id: str
    roles: tuple[str, ...]
    scopes: tuple[str, ...]
    key_id: str
    data_classification: DataClassification = DataClassification.INTERNAL
    until: datetime | None = None


def of_key(key: ApiKey) -> Principal:
    """Return who an API key stands for."""
    return Principal(key.tenant_id, key.user_id, key.roles, key.scopes, key.key_id)
