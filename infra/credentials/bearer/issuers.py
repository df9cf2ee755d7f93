"""Which issuers are trusted, for which tenants, and what their claims mean: a file of YAML."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from runfold.events.expected import first_of
from runfold.infra.http.addresses import refusal_of
from runfold.infra.settings.errors import ConfigError

ALGORITHMS: Final = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519",
    "EdDSA",
)  # fmt: skip
"""Those that can be asked for. Each verifies with a key that cannot sign: `none` and HMAC never."""

EVERY_TENANT: Final = "*"
_MOST_BYTES = 256 * 1024
_MOST_ISSUERS = 50
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")

Name = Annotated[str, Field(min_length=1, max_length=200)]
Names = Annotated[tuple[Name, ...], Field(max_length=1000)]


class ClaimNames(BaseModel):
    """Where a token says what: the name of a claim, or a JSON pointer such as `/realm/roles`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tenant: Name = "tenant_id"
    user: Name = "sub"
    roles: Name = "roles"
    scopes: Name = "scope"
    classification: Name = "data_classification"


class Issuer(BaseModel):
    """An issuer that is trusted, and how far.

    One of `tenant` and `tenants` says for whom its tokens may speak. Its keys are found by
    discovery, at `jwks`, or in `keys_file`. Spans are in seconds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    issuer: Annotated[str, Field(min_length=1, max_length=500)]
    audience: Annotated[tuple[Name, ...], Field(min_length=1, max_length=20)]
    tenant: Name | None = None
    tenants: Names = ()
    jwks: str | None = None
    keys_file: Path | None = None
    authority: Path | None = None
    private_addresses: bool = False
    algorithms: Annotated[tuple[str, ...], Field(min_length=1)] = ("RS256", "ES256", "Ed25519")
    claims: ClaimNames = ClaimNames()
    user_prefix: Annotated[str, Field(max_length=60)] = ""
    may_grant: Names | None = None
    role_scopes: dict[Name, Names] = Field(default_factory=dict, max_length=1000)
    leeway_s: Annotated[int, Field(ge=0, le=300)] = 30
    fresh_s: Annotated[int, Field(ge=60, le=86_400)] = 300
    stale_s: Annotated[int, Field(ge=60, le=7 * 86_400)] = 3_600

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if not _NAME.fullmatch(self.name):
            raise ValueError("name: up to 40 of a-z, 0-9, - and _")
        if (self.tenant is None) == (not self.tenants):
            raise ValueError("say `tenant` (for all its tokens) or `tenants` (that they may name)")
        if unknown := [each for each in self.algorithms if each not in ALGORITHMS]:
            raise ValueError(f"algorithms: {unknown[0]!r} is none of {', '.join(ALGORITHMS)}")
        if self.jwks is not None and self.keys_file is not None:
            raise ValueError("say `jwks` or `keys_file`, not both")
        for field, address in (("issuer", self.issuer), ("jwks", self.jwks)):
            if address is not None and not (field == "issuer" and self.is_found_otherwise):
                _need_address(field, address, private=self.private_addresses)
        if self.stale_s < self.fresh_s:
            raise ValueError("stale_s: no less than fresh_s")
        return self

    @property
    def is_found_otherwise(self) -> bool:
        """Whether the issuer's own address is only a name here, and never asked."""
        return self.jwks is not None or self.keys_file is not None

    def speaks_for(self, tenant: str) -> bool:
        """Whether its tokens may speak for a tenant."""
        if self.tenant is not None:
            return tenant == self.tenant
        return tenant in self.tenants or EVERY_TENANT in self.tenants


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    issuers: Annotated[tuple[Issuer, ...], Field(min_length=1, max_length=_MOST_ISSUERS)]


def read_issuers(file: Path) -> tuple[Issuer, ...]:
    """Return the issuers of a file; raises ConfigError, which says what to change in it."""
    try:
        with file.open("rb") as opened:
            data = opened.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise ConfigError(f"{file} has more than {_MOST_BYTES} bytes: it is no list of issuers")
        found = _File.model_validate(yaml.safe_load(data))
    except OSError as error:
        raise ConfigError(
            f"The issuers cannot be read from {file} ({error.strerror}): set "
            "RUNFOLD_HTTP_ISSUERS_FILE to a file that this process reads."
        ) from error
    except (yaml.YAMLError, RecursionError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not YAML: {str(error).partition(chr(10))[0]}.") from error
    except ValidationError as error:
        raise ConfigError(f"{file}: {first_of(error, 'the file')}.") from error
    _need_apart(file, found.issuers)
    return found.issuers


def _need_apart(file: Path, issuers: tuple[Issuer, ...]) -> None:
    """Raise ConfigError where two issuers cannot be told apart, or where their users cannot."""
    for place, one in enumerate(issuers):
        for other in issuers[place + 1 :]:
            if one.name == other.name or one.issuer == other.issuer:
                raise ConfigError(
                    f"{file}: two issuers have the name or the address of {one.name}."
                )
            if one.user_prefix == other.user_prefix and _share(one, other):
                raise ConfigError(
                    f"{file}: {one.name} and {other.name} may speak for the same tenant, and a "
                    "user of the one would be one of the other: give one of them a `user_prefix`."
                )


def _share(one: Issuer, other: Issuer) -> bool:
    mine = (one.tenant,) if one.tenant is not None else one.tenants
    theirs = (other.tenant,) if other.tenant is not None else other.tenants
    return EVERY_TENANT in mine or EVERY_TENANT in theirs or bool(set(mine) & set(theirs))


def _need_address(field: str, address: str, *, private: bool) -> None:
    """Raise ValueError for an address that may not be asked."""
    parts = urlsplit(address)
    try:
        _ = parts.port
    except ValueError:
        raise ValueError(f"{field}: it has no such port") from None
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.username is not None:
        raise ValueError(f"{field}: an address such as https://login.example.com, without a login")
    if parts.query or parts.fragment:
        raise ValueError(f"{field}: without ? and #")
    if parts.scheme == "http" and not private:
        raise ValueError(f"{field}: https, or say `private_addresses: true` for a server of yours")
    try:
        near = ipaddress.ip_address(parts.hostname)
    except ValueError:
        return
    if not private and refusal_of(parts.hostname):
        raise ValueError(f"{field}: {near} is a private address: say `private_addresses: true`")
