"""Sends notifications that are due: each is claimed first, and never sent again in doubt.

What is known not to have arrived is tried again for some hours. Where nobody knows, because the
process or the connection ended in between, it is shown as ``unknown`` and left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from runfold.events.definitions import Subscriber
from runfold.infra.http import signing
from runfold.infra.http.outgoing import Answer, NoAnswerError, Outgoing, RefusedTargetError
from runfold.infra.process.failpoints import failpoint
from runfold.processors.delivery import metrics
from runfold.processors.delivery.desk import Desk
from runfold.processors.delivery.notifications import store, wording
from runfold.processors.delivery.notifications.ended import Ended
from runfold.processors.delivery.notifications.mail import (
    MailInDoubtError,
    MailRefusedError,
    MailServer,
)
from runfold.processors.delivery.notifications.store import Claimed
from runfold.processors.delivery.push.sender import Pusher
from runfold.processors.delivery.rows import Key
from runfold.processors.delivery.webhooks.keys import NoSecretError, Secrets

_EVERY_S = 0.5
_MOST = 200
_AT_ONCE = 16
_PAUSES_S = (15.0, 60.0, 300.0, 1800.0, 3600.0, 7200.0)


class _NotSentError(Exception):
    """It did not arrive; the sentence says why, ``asked_s`` how long to wait at the least."""

    def __init__(self, sentence: str, asked_s: float = 0.0) -> None:
        super().__init__(sentence)
        self.asked_s = asked_s


class _InDoubtError(Exception):
    """It may have arrived; the sentence says why nobody knows."""


@dataclass(slots=True)
class Notifier:
    """The notifications of a process's partitions; ``mail`` is None where there is no server."""

    desk: Desk
    outgoing: Outgoing
    secrets: Secrets
    pusher: Pusher
    find: Callable[[Key], Subscriber | None]
    partitions: Collection[int]
    owner: str
    links: str = ""
    mail: MailServer | None = None
    pauses: tuple[float, ...] = _PAUSES_S

    async def run(self) -> None:
        """Send until cancelled; raises psycopg.Error where the tables cannot be used."""
        now = datetime.now(UTC)
        count = await self.desk.call(store.in_doubt, self.partitions, self.owner, now)
        metrics.NOTIFIED("", "unknown").inc(count)
        while True:
            now = datetime.now(UTC)
            claimed = await self.desk.call(store.claim, self.partitions, self.owner, now, _MOST)
            failpoint("delivery.after_claim")
            room = asyncio.Semaphore(_AT_ONCE)
            async with asyncio.TaskGroup() as group:
                for queue in self._queues(self._gathered(claimed)):
                    group.create_task(self._send_all(queue, room))
            if len(claimed) < _MOST:
                await asyncio.sleep(_EVERY_S)

    def _gathered(self, claimed: Sequence[Claimed]) -> list[list[Claimed]]:
        """Return what is sent together: all of one subscriber who has it gathered, or is quiet."""
        found: dict[tuple[Key, int], list[Claimed]] = {}
        for each in claimed:
            person = self.find(each.key)
            together = person is not None and (person.gather or person.quiet) is not None
            found.setdefault((each.key, 0 if together else each.number), []).append(each)
        return list(found.values())

    def _queues(self, messages: Sequence[list[Claimed]]) -> list[list[list[Claimed]]]:
        """Return what is sent one after another: in a browser, what is newer of a run replaces."""
        found: dict[tuple[Key, str], list[list[Claimed]]] = {}
        for those in messages:
            person, first = self.find(those[0].key), those[0]
            in_order = person is not None and person.channel == "webpush" and first.run_id
            what = first.run_id if in_order else f"#{first.number}"
            found.setdefault((first.key, what), []).append(those)
        return list(found.values())

    async def _send_all(self, queue: Sequence[list[Claimed]], room: asyncio.Semaphore) -> None:
        for those in queue:
            await self._send(those, room)

    async def _send(self, those: Sequence[Claimed], room: asyncio.Semaphore) -> None:
        person = self.find(those[0].key)
        if person is None:
            why = "the subscriber was retired or switched off"
            await self._note("", those, Ended("dropped", why))
            return
        async with room:
            if person.channel == "webpush":
                parts = await self.pusher.send(person, those)
            else:
                parts = [(list(those), await self._ended(person, those))]
        for part, ended in parts:
            await self._note(person.channel, part, ended)

    async def _ended(self, person: Subscriber, those: Sequence[Claimed]) -> Ended:
        try:
            await self._by_channel(person, those)
            failpoint("delivery.after_notifying")
        except _InDoubtError as doubt:
            return Ended("unknown", str(doubt))
        except _NotSentError as fault:
            return Ended("open", str(fault), fault.asked_s)
        except NoSecretError as fault:
            return Ended("open", str(fault))
        return Ended("sent")

    async def _note(self, kind: str, those: Sequence[Claimed], ended: Ended) -> None:
        now, state = datetime.now(UTC), ended.state
        if state == "open":
            attempt = max(each.attempt for each in those)
            if attempt > len(self.pauses):
                state = ended.at_last
            else:
                now += timedelta(seconds=max(self.pauses[attempt - 1], ended.asked_s))
        metrics.NOTIFIED(kind, "retried" if state == "open" else state).inc(len(those))
        numbers = [each.number for each in those]
        await self.desk.call(store.note, numbers, self.owner, state, ended.error, now)

    async def _by_channel(self, person: Subscriber, those: Sequence[Claimed]) -> None:
        tenant = those[0].scope or those[0].tenant_id
        if person.channel == "email":
            await self._by_mail(person, those)
            return
        if person.secret is None:
            raise _NotSentError("the subscriber names no secret")
        if person.channel == "slack":
            url = (await self.secrets.text(person.secret, tenant)).strip()
            await self._post(url, wording.slack_of(those, self.links), {})
            return
        body = wording.webhook_of(those, self.links)
        keys = await self.secrets.signing_keys((person.secret,), tenant)
        seconds = int(datetime.now(UTC).timestamp())
        signed = signing.headers(keys, f"msg_{wording.id_of(those)}", seconds, body)
        await self._post(person.address, body, signed)

    async def _by_mail(self, person: Subscriber, those: Sequence[Claimed]) -> None:
        if self.mail is None:
            raise _NotSentError("no mail server is set: RUNFOLD_SMTP_URL says which")
        mail = wording.mail_of(those, self.links, self.mail.sender, person.address)
        try:
            await asyncio.to_thread(self.mail.send, mail)
        except MailRefusedError as error:
            raise _NotSentError(str(error)) from error
        except MailInDoubtError as error:
            raise _InDoubtError(str(error)) from error

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> None:
        try:
            answer: Answer = await self.outgoing.post(
                url, body, {"content-type": "application/json", **headers}
            )
        except RefusedTargetError as error:
            # Of an address that is a secret not even the host may be named.
            raise _NotSentError("no request may go to the address") from error
        except NoAnswerError as error:
            what = _InDoubtError if error.sent else _NotSentError
            raise what(f"{error.kind}: {error}") from error
        if not 200 <= answer.status < 300:
            said = f"the receiver answered {answer.status}"
            raise _NotSentError(said, answer.retry_after_s or 0.0)
