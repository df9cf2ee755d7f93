"""A process that stands between some clients and the broker, and does them harm on request.

    python -m tests.system.torture.servers.proxy PORT BROKER_PORT

It understands the framing of Kafka's protocol, so that a single kind of answer can be held back.
One JSON object a line on standard input is one harm:
``{"hold": "EndTxn", "seconds": 3}`` keeps the answers of that kind back for so long;
``{"delay": 0.2, "seconds": 3}`` delays all; ``{"cut": true}`` cuts every connection;
``{"late": "EndTxn", "seconds": 3}`` delivers requests of that kind so much later, even where the
client has died meanwhile, as a network does;
``{"cut": "Produce"}`` cuts the next connection that gets such an answer, instead of the answer.
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
import time
from contextlib import suppress
from typing import Any

API = {"Produce": 0, "Fetch": 1, "InitProducerId": 22, "AddPartitionsToTxn": 24, "EndTxn": 26}
_HEADER = struct.Struct(">hhi")


class Harm:
    """What is being done at present."""

    def __init__(self) -> None:
        self.holds: dict[int, float] = {}
        self.cuts: set[int] = set()
        self.late: dict[int, tuple[float, float]] = {}
        self.delay = 0.0
        self.delay_until = 0.0
        self.open: set[asyncio.StreamWriter] = set()

    def take(self, said: dict[str, Any]) -> None:
        """Begin one more harm."""
        now = time.monotonic()
        if "hold" in said:
            self.holds[API[said["hold"]]] = now + said["seconds"]
        elif "delay" in said:
            self.delay, self.delay_until = said["delay"], now + said["seconds"]
        elif "late" in said:
            self.late[API[said["late"]]] = (now + said["seconds"], said["seconds"])
        elif said["cut"] is True:
            for writer in tuple(self.open):
                writer.close()
        else:
            self.cuts.add(API[said["cut"]])

    def lateness(self, api: int) -> float:
        """How much later a request of a kind is delivered, in seconds."""
        until, seconds = self.late.get(api, (0.0, 0.0))
        return seconds if time.monotonic() < until else 0.0

    async def suffer(self, api: int) -> bool:
        """Wait as long as an answer is held; whether its connection may live on."""
        if api in self.cuts:
            self.cuts.discard(api)
            return False
        now = time.monotonic()
        wait = max(0.0, self.holds.get(api, 0.0) - now)
        if now < self.delay_until:
            wait = max(wait, self.delay)
        if wait:
            await asyncio.sleep(wait)
        return True


async def _frames(reader: asyncio.StreamReader) -> Any:
    while True:
        size = await reader.readexactly(4)
        yield size, await reader.readexactly(int.from_bytes(size, "big"))


class Connection:
    """One client's connection, and which answer it waits for under which number."""

    def __init__(self, harm: Harm, port: int) -> None:
        self._harm = harm
        self._port = port
        self._asked: dict[int, int] = {}
        self._late: asyncio.Future[None] | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry frames both ways until either side ends."""
        try:
            up_reader, up_writer = await asyncio.open_connection(
                "127.0.0.1", self._port, limit=2**22
            )
        except OSError:
            writer.close()
            return
        self._harm.open.add(writer)
        requests = asyncio.ensure_future(self._requests(reader, up_writer))
        answers = asyncio.ensure_future(self._answers(up_reader, writer))
        await asyncio.wait((requests, answers), return_when=asyncio.FIRST_COMPLETED)
        self._harm.open.discard(writer)
        writer.close()
        if self._late is not None:
            # What is under way arrives, though nobody waits for an answer any more.
            await asyncio.wait((self._late,))
        for task in (requests, answers):
            task.cancel()
        await asyncio.gather(requests, answers, return_exceptions=True)
        up_writer.close()

    async def _requests(self, reader: asyncio.StreamReader, up: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            async for size, frame in _frames(reader):
                api, _, number = _HEADER.unpack_from(frame)
                self._asked[number] = api
                late = self._harm.lateness(api)
                if late:
                    self._late = asyncio.ensure_future(_deliver(late, size + frame, up))
                elif self._late is not None and not self._late.done():
                    # The order of a connection is kept.
                    await asyncio.wait((self._late,))
                if not late:
                    up.write(size + frame)
                    await up.drain()

    async def _answers(self, up: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            async for size, frame in _frames(up):
                number = int.from_bytes(frame[:4], "big")
                if not await self._harm.suffer(self._asked.pop(number, -1)):
                    return
                writer.write(size + frame)
                await writer.drain()


async def _deliver(late: float, data: bytes, up: asyncio.StreamWriter) -> None:
    await asyncio.sleep(late)
    with suppress(OSError):
        up.write(data)
        await up.drain()


async def _main(port: int, broker: int) -> None:
    harm = Harm()
    loop = asyncio.get_running_loop()
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await Connection(harm, broker).serve(reader, writer)

    async with await asyncio.start_server(serve, "127.0.0.1", port, limit=2**22):
        while line := await commands.readline():
            harm.take(json.loads(line))


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), int(sys.argv[2])))
