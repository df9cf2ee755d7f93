"""What a gateway is told: where it listens, and its bounds."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Self

from runfold.infra.credentials.bearer.issuers import Issuer, read_issuers
from runfold.infra.http.rules import OutgoingRules
from runfold.infra.settings.config import Config
from runfold.infra.settings.declared import gateway as variables
from runfold.infra.settings.declared import isolation
from runfold.infra.settings.declared.delivery import PUSH_PUBLIC_KEY
from runfold.infra.settings.kinds import Network
from runfold.surfaces.channels.inbound.directory import Directory, read_directory
from runfold.surfaces.http.access.limits import Limits

FOLDER = "gateway"
"""The folder of a home that holds what a gateway keeps: its port, the key of hashes."""

HASH_KEY = "hash-key"
URL = "url"
DEVELOPMENT_KEY = "development-key"


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """``port`` is None for one that is free; ``reads`` says whether reads are put on record.

    ``channels`` says which workspaces of other channels may speak here, ``issuers`` whose tokens
    let in, ``proxies`` those whose word on addresses counts. ``push_key`` is what browsers
    subscribe with, ``outgoing`` where what is pushed may go.
    """

    host: str
    port: int | None
    home: Path
    hash_key: Path
    limits: Limits
    needs_idempotency: bool
    kept: timedelta
    reads: str
    issuers: tuple[Issuer, ...] = ()
    proxies: tuple[Network, ...] = ()
    channels: Directory = field(default_factory=Directory)
    push_key: str = ""
    outgoing: OutgoingRules = field(default_factory=OutgoingRules)

    @classmethod
    def read(cls, config: Config, env: Mapping[str, str] | None = None) -> Self:
        """Read the environment; ConfigError says what to set."""
        config.need_database()
        home, trusted = config.need_home(), variables.HTTP_ISSUERS_FILE.read(env)
        return cls(
            host=variables.HTTP_HOST.read(env),
            port=variables.HTTP_PORT.read(env),
            home=home,
            hash_key=variables.HTTP_HASH_KEY_FILE.read(env) or home / FOLDER / HASH_KEY,
            limits=Limits(
                body_bytes=variables.HTTP_BODY.read(env),
                artifact_bytes=variables.HTTP_ARTIFACT.read(env),
                rate=variables.HTTP_RATE.read(env),
                concurrency=variables.HTTP_CONCURRENCY.read(env),
                listeners=variables.HTTP_LISTENERS.read(env),
                idle_s=float(variables.HTTP_IDLE.read(env)),
            ),
            needs_idempotency=variables.HTTP_IDEMPOTENCY.read(env) == "require",
            kept=timedelta(hours=variables.HTTP_KEEP.read(env)),
            reads=isolation.READS.read(env),
            issuers=read_issuers(trusted) if trusted is not None else (),
            proxies=variables.HTTP_PROXIES.read(env),
            channels=read_directory(variables.CHANNELS_FILE.read(env)),
            push_key=PUSH_PUBLIC_KEY.read(env),
            outgoing=OutgoingRules.read(env),
        )

    @property
    def is_on_loopback(self) -> bool:
        """Whether nobody but this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"
