"""Which request of a surface asked for it: what support is told, and finds a run by."""

from __future__ import annotations

from runfold.events.base import Record


class Origin(Record):
    """The request that a run or a control was asked for with, as the surface that took it says.

    ``request_id`` is what its answer named, ``trace_id`` the W3C trace in hexadecimal,
    ``credential`` the API key or `ISSUER/USER` of the token that was presented. It is part of what
    a credential signs, and proves nothing by itself.
    """

    request_id: str = ""
    trace_id: str = ""
    credential: str = ""
