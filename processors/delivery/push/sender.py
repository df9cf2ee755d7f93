"""Notifies a person by web push: each of their browsers once, whatever becomes of the others.

For each browser: what it has not had is encrypted, sent, and what became of it is put on record
before anything else happens with the notification. Of a process that ends in between, nobody knows
what arrived: the whole notification is ``unknown`` then, as on every channel.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from runfold.events.definitions import Subscriber
from runfold.infra.http.outgoing import NoAnswerError, Outgoing, RefusedTargetError
from runfold.infra.http.push.encryption import encrypted
from runfold.infra.http.push.vapid import PushKey, PushKeyError
from runfold.infra.process.failpoints import failpoint
from runfold.processors.delivery.desk import Desk
from runfold.processors.delivery.notifications.ended import Ended
from runfold.processors.delivery.notifications.store import Claimed
from runfold.processors.delivery.push import attempts, browsers
from runfold.processors.delivery.push.answers import TOO_LARGE, judged
from runfold.processors.delivery.push.attempts import FOR_GOOD, Tried
from runfold.processors.delivery.push.browsers import Browser
from runfold.processors.delivery.push.card import card_of, headers_of
from runfold.processors.delivery.push.settings import PushSettings
from runfold.processors.delivery.webhooks.keys import NoSecretError, Secrets

_TIMEOUT_S = 10.0
_LEFT_S = 60.0
_MOST_STALLED = 10_000
_FORM = {"content-type": "application/octet-stream", "content-encoding": "aes128gcm"}

Part = tuple[list[Claimed], Ended]
"""Notifications that ended alike, and how."""


@dataclass(frozen=True, slots=True)
class Pusher:
    """Sends to the browsers of persons; ``stalled`` says until when one is left alone.

    A service that does not answer in time is not asked for a browser again for a while: it would
    hold up what is for others.
    """

    desk: Desk
    outgoing: Outgoing
    secrets: Secrets
    settings: PushSettings
    stalled: dict[str, float] = field(default_factory=dict)

    async def send(self, person: Subscriber, those: Sequence[Claimed]) -> list[Part]:
        """Push notifications to a person, and return how each ended; raises psycopg.Error."""
        # A tenant's own subscriber is a person of this tenant, whatever the profile says.
        tenant = those[0].scope or person.address
        if not tenant or not person.person:
            why = "the subscriber must name a person, and where it is of all tenants, their tenant"
            return [(list(those), Ended("dropped", why))]
        known = await self.desk.call(browsers.of_person, tenant, person.person)
        try:
            key = PushKey.read(await self.secrets.text(self.settings.key, tenant))
        except PushKeyError as error:
            return [(list(those), Ended("open", f"what {self.settings.key} holds: {error}"))]
        except NoSecretError as error:
            return [(list(those), Ended("open", str(error)))]
        if not self.settings.contact:
            why = "RUNFOLD_PUSH_CONTACT must say whom a push service may ask"
            return [(list(those), Ended("open", why))]
        tried = await self.desk.call(attempts.of, [each.number for each in those])
        if not known and not tried:
            return [(list(those), Ended("dropped", "the person has subscribed no browser"))]
        async with asyncio.TaskGroup() as group:
            for browser in known:
                group.create_task(self._to(browser, person, those, key, tried))
        there = {browser.id for browser in known}
        return _parts(those, {k: v for k, v in tried.items() if v.state != "open" or k[1] in there})

    async def _to(
        self,
        browser: Browser,
        person: Subscriber,
        those: Sequence[Claimed],
        key: PushKey,
        tried: dict[tuple[int, str], Tried],
    ) -> None:
        rest = [
            each
            for each in those
            if tried.get((each.number, browser.id), Tried("open")).state not in FOR_GOOD
        ]
        if not rest:
            return
        found = await self._tried(browser, person, rest, key)
        failpoint("delivery.after_push")
        numbers, now = [each.number for each in rest], datetime.now(UTC)
        await self.desk.call(attempts.note, numbers, browser.id, found, now)
        if found.state == "gone":
            await self.desk.call(browsers.ended, browser)
        elif found.state == "sent":
            await self.desk.call(browsers.worked, browser, now)
        tried.update({(number, browser.id): found for number in numbers})

    async def _tried(
        self, browser: Browser, person: Subscriber, those: Sequence[Claimed], key: PushKey
    ) -> Tried:
        if browser.public_key != key.public:
            # Its push service takes messages of the key alone that it was subscribed with.
            why = "the browser was subscribed with another key: its page must subscribe again"
            return Tried("failed", error=why)
        if self.stalled.get(browser.id, 0.0) > time.monotonic():
            return Tried("open", error="the push service does not answer in time")
        headers = headers_of(person, those)
        found = await self._posted(browser, card_of(those, self.settings.links), headers, key)
        if found.code == TOO_LARGE:
            short = card_of(those, self.settings.links, short=True)
            found = await self._posted(browser, short, headers, key)
        return found

    async def _posted(
        self, browser: Browser, card: bytes, headers: Mapping[str, str], key: PushKey
    ) -> Tried:
        target = browser.target
        said = key.authorization(target.endpoint, self.settings.contact, time.time())
        try:
            body = encrypted(card, target.p256dh, target.auth)
            answer = await self.outgoing.post(
                target.endpoint, body, {**_FORM, **headers, "authorization": said}, _TIMEOUT_S
            )
        except RefusedTargetError:
            # Not chained, and not quoted: the endpoint is a secret of the person's.
            return Tried("failed", error="no request may go to the address")
        except NoAnswerError as error:
            if error.kind == "timeout":
                self._leave(browser)
            return Tried("unknown" if error.sent else "open", error=f"{error.kind}: {error}")
        return judged(answer)

    def _leave(self, browser: Browser) -> None:
        now = time.monotonic()
        if len(self.stalled) >= _MOST_STALLED:
            for each in [key for key, until in self.stalled.items() if until <= now]:
                del self.stalled[each]
        if len(self.stalled) < _MOST_STALLED:
            self.stalled[browser.id] = now + _LEFT_S


def _parts(those: Sequence[Claimed], tried: Mapping[tuple[int, str], Tried]) -> list[Part]:
    """Return how each notification ended, as all its browsers say."""
    found: dict[Ended, list[Claimed]] = {}
    for each in those:
        of = [one for (number, _), one in tried.items() if number == each.number]
        found.setdefault(_ended(of), []).append(each)
    return [(claimed, ended) for ended, claimed in found.items()]


def _ended(tried: Sequence[Tried]) -> Ended:
    """Return how a notification ended: sent where one browser took it, open while one may yet."""
    states = [each.state for each in tried]
    errors = "; ".join(dict.fromkeys(each.error for each in tried if each.error)) or None
    if "sent" in states:
        done = Ended("sent", errors)
    elif "unknown" in states:
        done = Ended("unknown", errors)
    else:
        done = Ended("failed", errors or "the person has subscribed no browser")
    if "open" not in states:
        return done
    asked = max(each.asked_s for each in tried)
    return Ended("open", errors, asked, done.state)
