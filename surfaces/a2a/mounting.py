"""Agent2Agent as a gateway mounts it, by its settings."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from runfold.infra.artifacts.port import ArtifactStore
from runfold.infra.gateway.pushed import PushStore
from runfold.infra.http.outgoing import OutgoingRules
from runfold.infra.settings.declared import a2a as variables
from runfold.producers.client import AsyncRunClient
from runfold.surfaces.a2a.app import A2A, PATHS, Shown
from runfold.surfaces.a2a.cards.agents import Agents
from runfold.surfaces.a2a.cards.cards import KEYS, Cards
from runfold.surfaces.a2a.cards.signing import card_key_in
from runfold.surfaces.a2a.files import Files
from runfold.surfaces.a2a.handler import Handler
from runfold.surfaces.a2a.push.allowed import allowed_by
from runfold.surfaces.a2a.push.configs import PushConfigs
from runfold.surfaces.a2a.push.pushing import Pushing
from runfold.surfaces.a2a.push.sender import HttpSender
from runfold.surfaces.a2a.tasks.tasks import Tasks
from runfold.surfaces.http.gateway import Gateway
from runfold.surfaces.http.mounted import Beside, Mounted

CARD_KEY = "card-key.pem"


@dataclass(frozen=True, slots=True)
class A2ASettings:
    """What is told of Agent2Agent; ``url`` is empty for the address that is listened on."""

    url: str
    card_key: Path
    shown: Shown
    push_hosts: tuple[str, ...]
    outgoing: OutgoingRules = field(default_factory=OutgoingRules)

    @classmethod
    def read(cls, folder: Path, env: Mapping[str, str] | None = None) -> Self:
        """Read the environment; ConfigError says what to set."""
        return cls(
            url=variables.A2A_URL.read(env),
            card_key=variables.A2A_CARD_KEY_FILE.read(env) or folder / CARD_KEY,
            shown=Shown(variables.A2A_PUBLIC.read(env), variables.A2A_DEFAULT.read(env)),
            push_hosts=variables.A2A_PUSH_HOSTS.read(env),
            outgoing=OutgoingRules.read(env),
        )


def mount(
    gateway: Gateway,
    settings: A2ASettings,
    url: str,
    store: PushStore | None = None,
    artifacts: ArtifactStore | None = None,
    *,
    openid: str = "",
) -> Beside:
    """Return Agent2Agent on a gateway that listens at ``url``; raises ConfigError."""
    # Strangers make it speak of what they send: what matters is counted and answered here.
    logging.getLogger("a2a").setLevel(logging.CRITICAL)
    key, url = card_key_in(settings.card_key), (settings.url or url).rstrip("/")
    sender = HttpSender(settings.push_hosts, settings.outgoing)
    kept = store if settings.push_hosts else None
    pushes = PushConfigs(kept, sender)
    cards = Cards(url, key.signer(f"{url}{KEYS}"), openid=openid, pushes=pushes.are_kept)
    tasks = Tasks(gateway, cards.address)
    handler, files = Handler(gateway, cards, pushes, tasks), Files(gateway, tasks, artifacts)
    app = A2A(gateway, Agents(gateway.reader), cards, handler, files, key.jwk, settings.shown)

    def client(tenant_id: str, user_id: str) -> AsyncRunClient:
        return AsyncRunClient(gateway.writer, gateway.reader, tenant_id, user_id, gateway.hubs)

    tokens = gateway.door.tokens
    issuers = [each.name for each in tokens.issuers] if tokens is not None else []
    allowed = allowed_by(gateway.door.keys, issuers)
    watches = () if kept is None else (Pushing(kept, sender, client, allowed),)
    mounted = tuple(Mounted(path, "a2a", app, own_door=True) for path in PATHS)
    return Beside(mounted, watches)
