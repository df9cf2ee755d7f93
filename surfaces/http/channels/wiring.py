"""What channels stand on in a gateway: the directory, secrets, and where answers are posted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from runfold.infra.secrets.memory import MemorySecrets
from runfold.infra.secrets.port import SecretStore, SecretsUnavailableError
from runfold.surfaces.channels.inbound.directory import Directory
from runfold.surfaces.channels.links import Links
from runfold.surfaces.http.access.identity import Caller
from runfold.surfaces.http.channels.posting import post_to_slack

LINKS_HOLD = timedelta(hours=24)
"""For how long a link lets its person decide."""

_REMEMBERED_S = 60.0
_MOST_POSTING = 1_000


@dataclass(slots=True)
class Channels:
    """``wall`` says the time that signatures are held against; ``post`` shows a message anew."""

    directory: Directory = field(default_factory=Directory)
    secrets: SecretStore = field(default_factory=lambda: MemorySecrets({}))
    wall: Callable[[], datetime] = lambda: datetime.now(UTC)
    elapsed: Callable[[], float] = time.monotonic
    post: Callable[[str, bytes], Coroutine[object, object, None]] = post_to_slack
    _posting: set[asyncio.Task[None]] = field(default_factory=set)
    _secrets: dict[tuple[str, str], tuple[float, str]] = field(default_factory=dict)

    def show_anew(self, address: str, message: bytes) -> None:
        """Post a message beside the answer, which must not wait for it."""
        if len(self._posting) >= _MOST_POSTING:
            return
        task = asyncio.create_task(self.post(address, message))
        # Kept until it is done: the loop itself would forget it.
        self._posting.add(task)
        task.add_done_callback(self._posting.discard)

    async def secret(self, name: str, tenant: str) -> str:
        """Return a secret, empty where none is held; a store that is away is asked again."""
        now = self.elapsed()
        known = self._secrets.get((name, tenant))
        if known is not None and known[0] > now:
            return known[1]
        try:
            found = await asyncio.to_thread(self.secrets.get, name, tenant) or ""
        except SecretsUnavailableError:
            # The one that was held a moment ago is better than none: it proves the same.
            return known[1] if known else ""
        self._secrets[name, tenant] = (now + _REMEMBERED_S, found)
        return found

    async def links(self, caller: Caller) -> Links:
        """Return the links of a person: to pages, and to decide, where a key for that is held."""
        said = self.directory
        key = await self.secret(said.link_key, caller.tenant_id) if said.link_key else ""
        return Links(
            said.pages,
            key.encode(),
            caller.tenant_id,
            caller.user_id,
            self.wall() + LINKS_HOLD,
        )
