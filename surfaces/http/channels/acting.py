"""Doing what somebody on a channel means, through the use cases that every surface calls.

Each step may refuse; then nothing was done:

1. the person's scopes, as the directory says them
2. the signature: the same one again does nothing more, and is shown nothing
3. of a decision, that what was shown is what is open now
4. the use case, which is durable before it answers

What goes wrong after that is said beside what was done, and never instead of it.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from dataclasses import dataclass, replace
from datetime import timedelta

from runfold.events.contents.content import canonical_json
from runfold.events.values import Label
from runfold.infra.gateway.asked import Asked
from runfold.producers.client import AsyncRunClient, RequestOptions
from runfold.surfaces.application.errors import NoEffectYetError, NotFoundError
from runfold.surfaces.application.faults import Code, fault_of
from runfold.surfaces.application.runs.async_runs import AsyncRuns, Send
from runfold.surfaces.application.runs.reading.accepted import detail, steer
from runfold.surfaces.application.scope import TenantScope
from runfold.surfaces.channels.composing.picture import Picture
from runfold.surfaces.channels.inbound.directory import Workspace
from runfold.surfaces.channels.inbound.intents import (
    Ask,
    Decide,
    Heard,
    Intent,
    Look,
    Reply,
    Sender,
    Tell,
    Unclear,
)
from runfold.surfaces.channels.inbound.signatures import WINDOW_S
from runfold.surfaces.channels.viewing import look_at
from runfold.surfaces.http.access.identity import DECIDE, READ, WRITE, Caller
from runfold.surfaces.http.gateway import Gateway
from runfold.surfaces.words import shortened

_log = logging.getLogger("runfold.gateway")

_NEEDS: dict[type[Intent], str] = {
    Ask: WRITE,
    Tell: WRITE,
    Look: READ,
    Decide: DECIDE,
    Reply: DECIDE,
}
_STALE = "This is not what waits now, so nothing was decided: look at it again, and decide then."
_BEFORE = (
    "This was taken before, so nothing more was done and nothing is shown: look at the run, or say "
    "it again."
)
_SHORTEST = 8
_KEPT = timedelta(seconds=2 * WINDOW_S + 60)
"""For how long a signature could be shown again: its time may be ahead, and clocks may differ."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered: a sentence, and the run as it stands where it is to be shown.

    ``again``: the request had come before, and is shown to nobody but whoever sent it now.
    """

    text: str
    picture: Picture | None = None
    run_id: str = ""
    again: bool = False


@dataclass(frozen=True, slots=True)
class Acting:
    """Acts for one person on one channel; ``within`` bounds how long an effect is waited for.

    ``signature`` is that of the request, empty where something else sees to it that it comes once.
    """

    gateway: Gateway
    caller: Caller
    channel: str
    workspace: Workspace | None = None
    within: float = 1.0
    signature: str = ""

    async def act(self, heard: Heard) -> Answer:
        """Do what is meant, and return what to answer; only bugs are raised."""
        intent = heard.intent
        if isinstance(intent, Unclear):
            return Answer(intent.why)
        scope = _NEEDS[type(intent)]
        if not self.caller.may(scope):
            return Answer(f"You may not do this here: it needs {scope}. Nothing was done.")
        try:
            if await self._is_new():
                done = await self._done(intent, heard.sender)
            else:
                done = await self._again(intent, heard.sender)
        except Exception as error:
            fault = fault_of(error)
            if fault.code is Code.INTERNAL:
                raise
            return Answer(fault.sentence)
        # A run is looked at to decide of it: who may not read it is not shown what stands there.
        return done if self.caller.may(READ) else replace(done, picture=None)

    async def _is_new(self) -> bool:
        """Return whether the request's signature comes for the first time, at any gateway."""
        if not self.signature:
            return True
        return await self.gateway.once.is_first(f"signed/{self.channel}", self.signature, _KEPT)

    async def _again(self, intent: Intent, sender: Sender) -> Answer:
        """Answer a request that came before. A run is asked for once by the name of its message:
        where a gateway ended in between, its run is asked for now.
        """
        if not isinstance(intent, Ask):
            return Answer(_BEFORE, again=True)
        done = await self._asked(intent, sender)
        return replace(done, text=f"This was taken before (run {done.run_id}).", again=True)

    async def _done(self, intent: Intent, sender: Sender) -> Answer:
        match intent:
            case Ask():
                return await self._asked(intent, sender)
            case Look(run_id=run_id):
                return Answer("", await self._look(run_id), run_id)
            case Tell(run_id=run_id, text=text):
                return await self._steered(run_id, lambda c: c.tell(run_id, text))
            case Decide():
                return await self._decided(intent)
            case Reply():
                return await self._replied(intent)
            case _:
                raise AssertionError(intent)

    async def _asked(self, intent: Ask, sender: Sender) -> Answer:
        place = self.workspace
        if place is None or not sender.once:
            return Answer("No run can be asked for here.")
        gateway, caller, agent = self.gateway, self.caller, intent.agent or place.agent
        labels = {"channel": self.channel, "place": sender.place, "team": sender.team}
        options: RequestOptions = {
            "roles": caller.roles,
            "scopes": caller.run_scopes,
            "data_classification": caller.data_classification,
            "labels": tuple(Label(key=k, value=v) for k, v in sorted(labels.items()) if v),
            "source": self.channel,
            "response_profile": place.profile or self.channel,
            "thread_id": _thread(self.channel, sender),
        }
        runs = gateway.runs(caller)

        async def ask(run_id: str) -> object:
            own: RequestOptions = {**options, "run_id": run_id}
            return await runs.submit(intent.goal, agent, **own)

        async def is_there(run_id: str) -> bool:
            try:
                await detail(runs.client, gateway.reader, runs.scope, run_id)
            except NotFoundError:
                return False
            return True

        # The channel's own name of the message: sent again, it leads to the same run.
        said = [caller.tenant_id, caller.user_id, self.channel, sender.team]
        scope = hashlib.sha256(canonical_json(said).encode()).hexdigest()
        body = hashlib.sha256(canonical_json([intent.goal, agent]).encode()).digest()
        key = hashlib.sha256(sender.once.encode()).hexdigest()
        run_id, _ = await gateway.once.submit(Asked(scope, key, body), ask, is_there)
        return Answer(f"Accepted: {shortened(intent.goal, 200)} (run {run_id})", None, run_id)

    async def _decided(self, intent: Decide) -> Answer:
        picture = await self._look(intent.run_id)
        shown = _open_digest(picture, intent.call_id, intent.digest, "approval")
        if shown is None:
            return Answer(_STALE, picture, intent.run_id)
        run_id, call_id, said = intent.run_id, intent.call_id, intent.reason

        def send(client: AsyncRunClient) -> object:
            if intent.approves:
                return client.approve(run_id, call_id, None, said or None, shown=shown)
            reason = said or f"denied on {self.channel}"
            return client.deny(run_id, call_id, reason, shown=shown)

        return await self._steered(run_id, send)  # type: ignore[arg-type]

    async def _replied(self, intent: Reply) -> Answer:
        picture = await self._look(intent.run_id)
        shown = _open_digest(picture, intent.call_id, intent.digest, "question")
        text, offered = intent.text, picture.options.get(intent.call_id, ())
        if intent.option is not None:
            text = offered[intent.option] if intent.option < len(offered) else ""
        if shown is None or not text.strip():
            return Answer(_STALE, picture, intent.run_id)
        run_id, call_id = intent.run_id, intent.call_id
        return await self._steered(run_id, lambda c: c.answer(run_id, call_id, text, shown=shown))

    async def _steered(self, run_id: str, send: Send) -> Answer:
        """Send a control, and answer what is on record of it."""
        runs = AsyncRuns(
            self.gateway.client(self.caller), TenantScope(self.caller.tenant_id), self.within
        )
        try:
            outcome = await steer(runs, self.gateway.reader, run_id, send)
        except NoEffectYetError:
            return Answer("It is on record, and what follows is not known yet.", None, run_id)
        text = outcome.text if outcome.applied else f"Nothing was changed: {outcome.text}"
        done = Answer(shortened(text, 500), None, run_id)
        if not self.caller.may(READ):
            return done
        try:
            return replace(done, picture=await self._look(run_id))
        except Exception as error:  # noqa: BLE001 - what was done stands, whatever goes wrong now
            return unshown(done, error)

    async def _look(self, run_id: str) -> Picture:
        await self.gateway.note_read(self.caller, f"channel {self.channel}", run_id)
        client, scope = self.gateway.client(self.caller), TenantScope(self.caller.tenant_id)
        return await look_at(client, self.gateway.reader, scope, run_id)


async def act_within(acting: Acting, heard: Heard, seconds: float) -> Answer:
    """Act, and answer in time: what takes longer goes on to be durable or not, and says so."""
    try:
        async with asyncio.timeout(seconds):
            return await acting.act(heard)
    except TimeoutError:
        return Answer("It takes longer than usual, and may have been done: look before you repeat.")


def unshown(done: Answer, error: Exception) -> Answer:
    """Return an answer whose run cannot be shown: what was done stands, and is said first."""
    fault = fault_of(error)
    why = fault.sentence
    if fault.code is Code.INTERNAL:
        _log.error("a run cannot be shown", exc_info=error)
        why = "see the log of the gateway."
    stands = f"{done.text.rstrip('.')}. That stands. " if done.text else ""
    return replace(done, text=f"{stands}The run cannot be shown now: {why}", picture=None)


def _open_digest(picture: Picture, call_id: str, digest: str, kind: str) -> str | None:
    """Return the whole digest of what is open, where it is what was shown; else None."""
    for wait in picture.detail.waits_for:
        now = wait.shown_digest
        if wait.call_id == call_id and wait.kind == kind and now and len(digest) >= _SHORTEST:
            return now if now.startswith(digest) else None
    return None


def _thread(channel: str, sender: Sender) -> str:
    """Return the conversation that a run belongs to: the channel's thread, or its place."""
    named = sender.thread or sender.place or sender.user
    text = f"{channel}/{sender.team}/{named}"
    return text if len(text) <= 256 else hashlib.sha256(text.encode()).hexdigest()
