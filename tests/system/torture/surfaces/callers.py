"""A process of clients: they ask gateways for runs, steer them, listen, and are told by webhooks.

    python -m tests.system.torture.surfaces.callers FOLDER SEED A_SECOND SHAPES

It ends when FOLDER/stop exists, every request was answered, and every run that was acknowledged was
heard to its end by all who listen. What it notes is judged afterwards (``judgement/surfaces.py``).
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

from tests.delivery.receiver import Got, Receiver, plain
from tests.mcp.clients import over_http
from tests.system.torture.simulation.load import ENOUGH, STOP
from tests.system.torture.simulation.shapes import shape_of
from tests.system.torture.surfaces.asking import Answer, Asking
from tests.system.torture.surfaces.listening import ENDS, Listener
from tests.system.torture.surfaces.noted import GOAL, NEVER, Notes

BASES, KEY, HOOK = "TORTURE_GATEWAYS", "TORTURE_KEY", "TORTURE_HOOK_PORT"
READY = "callers.ready"
WATCHERS = 2
_A2A = {"a2a-version": "1.0"}
_WAYS = {"keyed": 10, "twice": 3, "plain": 3, "a2a": 3, "mcp": 2, "never": 2}
_HEARD_S = 300.0
_CALL_S = 75.0


class Callers:
    """All of them, on one loop."""

    def __init__(self, folder: Path, seed: str, shapes: str) -> None:
        self._folder = folder
        self._seed = seed
        self._shapes = shapes
        self._choice = Random(f"{seed}/callers")
        self._notes = Notes(folder)
        bases = os.environ[BASES].split(",")
        self._asking = Asking(bases, os.environ[KEY], self._notes, self._choice)
        self._tasks: set[asyncio.Task[None]] = set()
        self._acked: set[str] = set()
        self._hooked: set[str] = set()
        self._watchers = [Listener(self._asking, "/events", most=150) for _ in range(WATCHERS)]
        self._over = False

    async def play(self, rate: float) -> None:
        """Ask until told to stop, then wait until everything was heard."""
        watching = [asyncio.create_task(self._watch(each)) for each in self._watchers]
        for each in self._watchers:
            # From here on it must miss nothing.
            await each.placed.wait()
        (self._folder / READY).touch()
        number = 0
        while not (self._folder / STOP).exists():
            if not (self._folder / ENOUGH).exists():
                self._do(self._ask(number))
                number += 1
            await asyncio.sleep(min(5.0, self._choice.expovariate(rate)))
        while self._tasks:
            await asyncio.wait(set(self._tasks))
        until = time.monotonic() + _HEARD_S
        while not self._all_heard() and time.monotonic() < until:
            await asyncio.wait(watching, timeout=0.2)
        self._over = True
        for task in watching:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        for number, listener in enumerate(self._watchers):
            self._notes.note("watched", by=number, heard=listener.heard, cuts=listener.cuts)

    def told(self, got: Got) -> bytes:
        """Take a webhook, or refuse it for now."""
        if self._choice.random() < 0.1:
            return plain(503)
        said = json.loads(got.body)
        data = said["data"]
        self._notes.note("hook", run=data["run_id"], seq=data["seq"], type=said["type"])
        if said["type"] in ENDS:
            self._hooked.add(data["run_id"])
        return plain(200, b"ok")

    def _all_heard(self) -> bool:
        heard = ({run for run, _, kind in each.heard if kind in ENDS} for each in self._watchers)
        return all(self._acked <= each for each in (*heard, self._hooked))

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _watch(self, listener: Listener) -> None:
        while not self._over:
            await listener.turn()

    async def _ask(self, number: int) -> None:
        choice = Random(f"{self._seed}/call/{number}")
        way = choice.choices(list(_WAYS), list(_WAYS.values()))[0]
        goal = f"{NEVER if way == 'never' else GOAL}{number}"
        body = {"goal": goal, "agent": f"torture-{shape_of(choice, self._shapes)}"}
        self._notes.note("asked", goal=goal, way=way)
        if way == "never":
            await self._refused(choice, body)
            return
        if way == "plain":
            found = await self._asking.once("POST", f"{self._asking.one()}/runs", json=body)
            run = found.body.get("run_id") if found and found.status == 202 else None
        elif way == "a2a":
            run = await self._as_agent(goal, body)
        elif way == "mcp":
            run = await self._as_tool(goal, body)
        else:
            both = [self._keyed(goal, body) for _ in range(2 if way == "twice" else 1)]
            run = (await asyncio.gather(*both))[0]
        if run is not None:
            self._acked.add(run)
            self._notes.note("acked", goal=goal, run=run)
            if choice.random() < 0.5:
                self._do(self._steer(choice, run))
            await self._is_there(run)
            await self._then(choice, goal, run, body, way)

    async def _keyed(self, goal: str, body: dict[str, str]) -> str | None:
        headers = {"idempotency-key": goal}
        found = await self._asking.until_answered("POST", "/runs", headers, body)
        if found.status not in {200, 202}:
            self._fault(f"{goal}: {found.status} {found.code}")
            return None
        run = str(found.body["run_id"])
        self._notes.note("acked", goal=goal, run=run)
        return run

    async def _as_agent(self, goal: str, body: dict[str, str]) -> str | None:
        said = {"messageId": goal, "role": "ROLE_USER", "parts": [{"text": goal}]}
        params = {"message": said, "configuration": {"returnImmediately": True}}
        call = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": params}
        for _ in range(100):
            found = await self._asking.until_answered(
                "POST", f"/a2a/agents/{body['agent']}", _A2A, call
            )
            task = found.body.get("result", {}).get("task", {})
            if "id" in task:
                self._notes.note("acked", goal=goal, run=task["id"])
                return str(task["id"])
            self._notes.note("a2a", said=found.body)
            await asyncio.sleep(0.5)
        self._fault(f"{goal}: A2A never answered with a task")
        return None

    async def _as_tool(self, goal: str, body: dict[str, str]) -> str | None:
        given = {"goal": goal, "idempotency_key": goal, "wait_s": 0}
        for _ in range(100):
            try:
                found = await asyncio.wait_for(self._called(body["agent"], given), _CALL_S)
            except Exception as error:  # noqa: BLE001 - its client has no end of ways to say so
                self._notes.note("mcp", goal=goal, said=repr(error)[:300])
            else:
                self._notes.note("mcp", goal=goal, said=str(found)[:300])
                if found.get("run_id"):
                    self._notes.note("acked", goal=goal, run=found["run_id"])
                    return str(found["run_id"])
            await asyncio.sleep(0.5)
        self._fault(f"{goal}: MCP never answered with a run")
        return None

    async def _called(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        one = self._asking.one()
        async with over_http(one, self._asking.key, era="2026-07-28") as client:
            found = await client.call_tool(name, given)
            # What went wrong has no structure, and says in words what it is.
            return dict(found.structured_content or {"said": str(found.content)})

    async def _refused(self, choice: Random, body: dict[str, str]) -> None:
        """Ask for what must be refused: whatever goes wrong, it must not run."""
        headers, more = {"idempotency-key": body["goal"]}, dict[str, Any]()
        match choice.randrange(3):
            case 0:
                more = {"tenant_id": "somebody-else"}
            case 1:
                more = {"no_such_field": 1}
            case _:
                headers["authorization"] = f"Bearer {self._asking.key[:-4]}aaaa"
        found = await self._asking.until_answered("POST", "/runs", headers, {**body, **more})
        if found.status not in {400, 401, 403, 422}:
            self._fault(f"{body['goal']}: {found.status} {found.code}, and it had to be refused")
        self._notes.note("refused", goal=body["goal"], code=found.code)

    async def _is_there(self, run: str) -> None:
        bases = self._choice.sample(self._asking.bases, len(self._asking.bases))
        for base in bases:
            found = await self._asking.once("GET", f"{base}/runs/{run}")
            if found is not None and found.status == 404:
                self._fault(f"{run}: acknowledged, and {base} says 404")

    async def _then(
        self, choice: Random, goal: str, run: str, body: dict[str, str], way: str
    ) -> None:
        if choice.random() < 0.4:
            self._do(self._listen(run))
        if way == "keyed" and choice.random() < 0.3:
            await self._keyed(goal, body)
            changed = {**body, "goal": f"{NEVER}{goal}"}
            found = await self._asking.until_answered(
                "POST", "/runs", {"idempotency-key": goal}, changed
            )
            if found.code != "other_request":
                self._fault(f"{goal}: another request with its key: {found.status} {found.code}")

    async def _listen(self, run: str) -> None:
        listener = Listener(self._asking, f"/runs/{run}/events", most=8)
        while not listener.over:
            await listener.turn()
        self._notes.note("heard", run=run, heard=listener.heard, cuts=listener.cuts)

    async def _steer(self, choice: Random, run: str) -> None:
        word, body = choice.choice(
            (
                ("messages", {"content": "look there"}),
                ("instructions", {"instructions": "be brief"}),
                ("cancel", {"reason": "enough"}),
            )
        )
        headers = {"idempotency-key": f"{run}-{word}"}
        path = f"/runs/{run}/{word}"
        for _ in range(choice.choice((1, 1, 2))):
            found = await self._asking.until_answered("POST", path, headers, body)
            self._controlled(run, word, found)

    def _controlled(self, run: str, word: str, found: Answer) -> None:
        said = found.body
        if found.status in {200, 202}:
            more = {name: said.get(name) for name in ("request_id", "seq", "type")}
            self._notes.note("control", run=run, word=word, **more)
        elif found.code != "run_ended":
            self._fault(f"{run}: {word}: {found.status} {found.code}")

    def _fault(self, said: str) -> None:
        self._notes.note("fault", said=said)


def main(arguments: list[str]) -> int:
    """Play; 0 when all was said and heard."""
    folder, seed, rate, shapes = arguments
    callers = Callers(Path(folder), seed, shapes)

    async def answer(got: Got, writer: asyncio.StreamWriter) -> None:
        writer.write(callers.told(got))

    with Receiver(answer, port=int(os.environ[HOOK])):
        asyncio.run(callers.play(float(rate)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
