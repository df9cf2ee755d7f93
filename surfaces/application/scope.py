"""What a caller can see and steer: one tenant's runs, or, as an operator, all of them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from runfold.projections.narrowing import narrow
from runfold.projections.queries import OperatorViews, TenantViews


@dataclass(frozen=True, slots=True)
class TenantScope:
    """One tenant's runs; those of others are not there."""

    tenant_id: str

    def __post_init__(self) -> None:
        """Refuse a scope without a tenant: it would be everybody's."""
        if not self.tenant_id:
            raise ValueError("a scope needs a tenant")

    def sees(self, tenant_id: str | None) -> bool:
        """Return whether a run of this tenant is visible."""
        return tenant_id == self.tenant_id

    def views(self, connection: Connection) -> TenantViews:
        """Return the tenant's rows of the views; the transaction sees no others where they are
        kept apart.
        """
        narrow(connection, self.tenant_id)
        return TenantViews(connection, self.tenant_id)


@dataclass(frozen=True, slots=True)
class OperatorScope:
    """Every run of every tenant; ``reason`` says who needs that and for what."""

    reason: str

    def __post_init__(self) -> None:
        """Refuse an operator who does not say why."""
        if not self.reason:
            raise ValueError("an operator's scope needs a reason")

    def sees(self, tenant_id: str | None) -> bool:
        """Return whether there is a run at all."""
        return tenant_id is not None

    def views(self, connection: Connection) -> OperatorViews:
        """Return all rows of the views."""
        return OperatorViews(connection, self.reason)


Scope = TenantScope | OperatorScope
