"""A message of type ``test`` to a receiver, from where it is asked for."""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import UTC, datetime

from runfold.events.definitions import Subscription
from runfold.infra.http.outgoing import Outgoing, OutgoingRules
from runfold.infra.secrets.chosen import every_secret
from runfold.infra.settings.declared.variables import SECRETS_FOLDER
from runfold.processors.delivery.rows import Key
from runfold.processors.delivery.webhooks.attempt import Attempted, attempt
from runfold.processors.delivery.webhooks.keys import Secrets


def send_test(key: Key, made: Subscription) -> Attempted:
    """Send a signed message and return what became of it; it is on no record."""
    said = {
        "type": "test",
        "timestamp": datetime.now(UTC).isoformat(),
        "data": {"subscription": key.name, "tenant_id": key.scope or None},
    }

    async def sent() -> Attempted:
        secrets = Secrets(every_secret(None, SECRETS_FOLDER.read()))
        async with Outgoing(OutgoingRules.read()) as outgoing:
            body, message_id = json.dumps(said).encode(), f"msg_test_{uuid.uuid4().hex}"
            return await attempt(outgoing, secrets, made, key.scope, message_id, body)

    return asyncio.run(sent())
