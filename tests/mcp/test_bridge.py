"""`runfold mcp`: the SDK's client over standard input and output, a gateway behind it."""

from __future__ import annotations

import asyncio
import io
import json
import time
from pathlib import Path
from typing import Any

import pytest
from mcp.shared.exceptions import MCPError

from runfold.surfaces.cli import exits
from runfold.surfaces.mcp.transport.bridge import serve
from tests.deciders.given import RUN
from tests.http.serving import Served
from tests.mcp.clients import ERAS, held, over_stdio, saying
from tests.surfaces.answering import context_of
from tests.surfaces.test_runs import run

ODD = "a\u2028b\x85c\x1d\u00e9\n"


@pytest.mark.parametrize("era", ERAS)
def test_a_client_starts_it_and_speaks_to_the_gateway(
    served: Served, era: str, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text(f"{served.key()}\n")
    person, shown = saying(decision="approve")

    async def what() -> None:
        words = ["--url", served.url, "--key-file", str(key)]
        async with over_stdio(words, {}, era, person) as client:
            names = {each.name for each in (await client.list_tools()).tools}
            assert {"worker", "run_agent"} <= names
            found = held(await client.call_tool("get_run", {"run_id": RUN, "wait_s": 0.2}))
            assert found["status"] == "running_tool"
            asked = held(await client.call_tool("run_agent", {"agent": "worker", "goal": ODD}))
            found = held(await client.call_tool("get_run", {"run_id": asked["run_id"]}))
            assert found["goal"] == ODD
            read = await client.read_resource(f"runfold://runs/{RUN}")
            assert json.loads(read.contents[0].text)["run_id"] == RUN  # type: ignore[union-attr]
            with pytest.raises(MCPError, match="There is no tool"):
                await client.call_tool("no_such", {})

    asyncio.run(what())
    assert len(shown) == 1


def said_by(url: str, *lines: bytes) -> list[Any]:
    """Return what the bridge answers to lines, with a key that nobody knows."""
    told: list[str] = []

    class Slow(io.BytesIO):
        def readline(self, size: int | None = -1, /) -> bytes:
            line = super().readline(size)
            # The end comes once everything was answered.
            while not line and len(told) < len(lines):
                time.sleep(0.01)
            return line

    asyncio.run(serve(url, "rf_x_y", Slow(b"".join(lines)), told.append))
    return [json.loads(each) for each in told]


def test_what_cannot_be_carried_is_answered(served: Served) -> None:
    ask = b'{"jsonrpc": "2.0", "id": "a", "method": "ping"}\n'
    found = said_by(f"{served.url}/mcp", b"{\n", b"[]\n", ask)
    codes = {each["error"]["code"] for each in found}
    assert codes == {-32700, -32000}
    refused = next(each for each in found if each["id"] == "a")
    assert "Bearer KEY" in refused["error"]["message"]
    away = said_by("http://127.0.0.1:9/mcp", ask)[0]
    assert "does not answer" in away["error"]["message"]


def test_the_command_says_what_it_needs(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNFOLD_HOME", str(tmp_path))
    context = context_of(served.log)
    absent = ["mcp", "--url", "http://x", "--key-file", str(tmp_path / "no")]
    for words in (["mcp", "--url", "http://x"], absent, ["mcp"]):
        assert run(words, context) == exits.USAGE
