"""MCP over standard input and output: ``mcp``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from runfold.surfaces.cli import exits
from runfold.surfaces.cli.context import of
from runfold.surfaces.cli.faults import CliError

_MOST_KEY = 1_000


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(mcp)


def mcp(
    ctx: typer.Context,
    url: Annotated[
        str | None,
        typer.Option("--url", help="A gateway's address; without it that of `runfold up`."),
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option("--key-file", help="The file with an API key; the local stack has its own."),
    ] = None,
) -> None:
    """Serve MCP on standard input and output, for clients that start their servers themselves.

    Every message goes to a gateway, which knows by the key who asks. See docs/mcp.md.
    """
    import asyncio
    import sys

    from runfold.surfaces.mcp.transport.bridge import serve

    if (url is None) != (key_file is None):
        raise CliError("Say both --url and --key-file, or neither.", exits.USAGE)
    folder = of(ctx).settings.home / "gateway"
    absent = "no gateway runs here: `runfold up` starts one"
    address = url or _text_in(folder / "url", absent)
    key = _text_in(key_file or folder / "development-key", "it holds no API key")

    def say(line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    asyncio.run(serve(_endpoint(address), key, sys.stdin.buffer, say))


def _endpoint(address: str) -> str:
    address = address.rstrip("/")
    if not address.startswith(("http://", "https://")):
        raise CliError("--url is an address like https://agents.example.com.", exits.USAGE)
    return address if address.endswith("/mcp") else f"{address}/mcp"


def _text_in(file: Path, otherwise: str) -> str:
    try:
        with file.open() as opened:
            found = opened.read(_MOST_KEY).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CliError(f"{file} cannot be read ({error}): {otherwise}.", exits.USAGE) from error
    if not found or not found.isascii() or not found.isprintable():
        raise CliError(f"{file} cannot be used: {otherwise}.", exits.USAGE)
    return found
