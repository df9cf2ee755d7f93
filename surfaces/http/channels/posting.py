"""Showing anew what was pressed: Slack takes it at the address that came with the press."""

from __future__ import annotations

import logging

import httpx

from runfold.surfaces.channels.adapters.slack_reading import ANSWERS

_log = logging.getLogger("runfold.gateway")
_WITHIN_S = 5.0


async def post_to_slack(address: str, message: bytes) -> None:
    """Post a message once; what goes wrong is logged, since what was decided is on record."""
    if not address.startswith(ANSWERS):
        return
    try:
        async with httpx.AsyncClient(timeout=_WITHIN_S, follow_redirects=False) as client:
            headers = {"content-type": "application/json; charset=utf-8"}
            answer = await client.post(address, content=message, headers=headers)
    except httpx.HTTPError as error:
        _log.warning("a message could not be shown anew: %s", type(error).__name__)
        return
    if answer.is_error:
        _log.warning("a message could not be shown anew: status %d", answer.status_code)
