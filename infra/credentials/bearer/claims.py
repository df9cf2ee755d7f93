"""What the claims of a verified token say: whether it is in force, and who it stands for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from runfold.events.probe import reserved
from runfold.events.values import DataClassification
from runfold.infra.credentials.bearer.errors import (
    AUDIENCE,
    CLAIMS,
    EXPIRED,
    NOT_YET,
    TokenRefusedError,
)
from runfold.infra.credentials.bearer.issuers import Issuer
from runfold.infra.gateway.principal import Principal

_LONGEST = 200
_MOST_NAMES = 1000
_LATEST = 253_402_300_799

_ONLY_NAMED: Final = frozenset({"*", "operator"})
"""Scopes that a token grants only where its issuer is said to be allowed to."""

_OF_SIGNING_IN: Final = frozenset(
    {"openid", "profile", "email", "address", "phone", "offline_access"}
)
"""Scopes of OpenID Connect itself: left out, since a run's tool may have a scope of this name."""


def need_in_force(issuer: Issuer, claims: Mapping[str, Any], now: datetime) -> None:
    """Raise TokenRefusedError for a token that is not for us, or not now."""
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    if not any(isinstance(each, str) and each in issuer.audience for each in named):
        raise TokenRefusedError(
            AUDIENCE,
            "The token is for somebody else: ask its issuer for one whose `aud` is "
            f"{issuer.audience[0]}.",
        )
    moment, leeway = now.timestamp(), issuer.leeway_s
    expires = _moment(claims, "exp")
    if expires is None:
        raise TokenRefusedError(CLAIMS, "The token has no `exp`: it must say until when it holds.")
    if moment >= expires + leeway:
        raise TokenRefusedError(EXPIRED, "The token has expired: ask its issuer for a new one.")
    for name in ("nbf", "iat"):
        begins = _moment(claims, name)
        if begins is not None and moment < begins - leeway:
            raise TokenRefusedError(
                NOT_YET,
                f"The token's `{name}` is in the future: wait, or see whether clocks agree.",
                min(300, max(1, round(begins - leeway - moment))),
            )
    if "cnf" in claims:
        raise TokenRefusedError(
            CLAIMS, "The token is bound to a key (`cnf`), which cannot be checked here."
        )


def principal_of(issuer: Issuer, claims: Mapping[str, Any]) -> Principal:
    """Return who verified claims stand for; raises TokenRefusedError where they do not say."""
    names = issuer.claims
    tenant = issuer.tenant or _name(claims, names.tenant, "tenant")
    if not issuer.speaks_for(tenant) or reserved(tenant):
        raise TokenRefusedError(
            CLAIMS,
            f"The issuer {issuer.name} may not speak for the tenant {ascii(tenant)[:100]}: an "
            "operator names its `tenants`.",
        )
    user = issuer.user_prefix + _name(claims, names.user, "user")
    roles = _names(claims, names.roles, "roles")
    said = _names(claims, names.scopes, "scopes")
    allowed = tuple(each for each in said if _may_grant(issuer, each))
    given = tuple(scope for role in roles for scope in issuer.role_scopes.get(role, ()))
    return Principal(
        tenant_id=tenant,
        user_id=user,
        roles=roles,
        scopes=tuple(dict.fromkeys((*allowed, *given))),
        key_id=f"{issuer.name}/{user}",
        data_classification=_classification(claims, names.classification),
        until=_until(issuer, claims),
    )


def _until(issuer: Issuer, claims: Mapping[str, Any]) -> datetime | None:
    expires = _moment(claims, "exp")
    if expires is None:
        return None
    return datetime.fromtimestamp(min(expires + issuer.leeway_s, _LATEST), UTC)


def _may_grant(issuer: Issuer, scope: str) -> bool:
    if issuer.may_grant is not None:
        return scope in issuer.may_grant
    return scope not in _ONLY_NAMED and scope not in _OF_SIGNING_IN


def found_at(claims: Mapping[str, Any], where: str) -> Any:
    """Return what is at a claim's name, or at a JSON pointer; None where nothing is."""
    if not where.startswith("/"):
        return claims.get(where)
    at: Any = claims
    for part in where[1:].split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(at, dict) or name not in at:
            return None
        at = at[name]
    return at


def _name(claims: Mapping[str, Any], where: str, what: str) -> str:
    said = found_at(claims, where)
    if not isinstance(said, str) or not _is_name(said):
        raise TokenRefusedError(
            CLAIMS,
            f"The token does not say its {what} where it is looked for, in {where}, as a text of 1 "
            f"to {_LONGEST} characters on one line.",
        )
    return said


def _names(claims: Mapping[str, Any], where: str, what: str) -> tuple[str, ...]:
    """Return names of a list, or of a text with spaces between; none where there is nothing."""
    said = found_at(claims, where)
    if said is None:
        return ()
    listed = said.split() if isinstance(said, str) else said
    if (
        not isinstance(listed, list)
        or len(listed) > _MOST_NAMES
        or not all(isinstance(each, str) and _is_name(each) for each in listed)
    ):
        raise TokenRefusedError(
            CLAIMS, f"The token's {what} in {where} are no list of names, or are too many."
        )
    return tuple(dict.fromkeys(listed))


def _classification(claims: Mapping[str, Any], where: str) -> DataClassification:
    said = found_at(claims, where)
    if said is None:
        return DataClassification.INTERNAL
    known = [each for each in DataClassification if each is not DataClassification.UNKNOWN]
    if said not in known:
        raise TokenRefusedError(
            CLAIMS, f"The token's data classification is none of {', '.join(known)}."
        )
    return DataClassification(said)


def _moment(claims: Mapping[str, Any], name: str) -> float | None:
    """Return a moment in seconds since 1970, None where there is none; raises for anything else."""
    said = claims.get(name)
    if said is None:
        return None
    if isinstance(said, bool) or not isinstance(said, int | float) or not 0 <= said < 2**53:
        raise TokenRefusedError(CLAIMS, f"The token's `{name}` is not a moment.")
    return float(said)


def _is_name(text: str) -> bool:
    return 0 < len(text) <= _LONGEST and text.isprintable() and bool(text.strip())
