"""Tools that go wrong in the ways that the runbooks speak of."""

from __future__ import annotations

import time

from runfold.processors.tool import tool


@tool(name="trips.book", risk_level=0)
def book(where: str) -> dict[str, str]:
    """Book a trip, much slower than anybody waits for."""
    time.sleep(2)
    return {"booking": where}


@tool(name="web.search", risk_level=0)
def search(what: str) -> str:
    """Search, for money."""
    return f"nothing on {what}"


@tool(name="mail.send", risk_level=0)
def send(text: str) -> str:
    """Send a mail."""
    return f"sent: {text}"


@tool(name="stock.look", risk_level=0)
def look(what: str) -> str:
    """Look into a stock that is away."""
    raise ConnectionError(f"no connection to the stock of {what}")


@tool(name="trips.quote", risk_level=0)
def quote(where: str) -> str:
    """Ask for a price, much slower than anybody waits for."""
    time.sleep(2)
    return f"a fortune to {where}"
