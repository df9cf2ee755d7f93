"""The headers by which a requester says how a run is asked for: once, and waited for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection
from typing import Any

from starlette.requests import Request

from runfold.events.contents.content import canonical_json
from runfold.infra.gateway.asked import Asked
from runfold.surfaces.http.access.identity import Caller
from runfold.surfaces.http.reading.contents import plain
from runfold.surfaces.http.refusals.problems import Problem
from runfold.surfaces.http.route import Parameter
from runfold.surfaces.manifests.problems import did_you_mean

IDEMPOTENCY_KEY = Parameter(
    "Idempotency-Key",
    "A text that is new to each request: with it again, the answer is that of the first time.",
    {"type": "string", "maxLength": 257},
    "header",
)

_QUOTED = re.compile(r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_BARE = re.compile(r"[\x21\x23-\x2b\x2d-\x7e]{1,255}")
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})\"?\s*(?:$|[,;])", re.IGNORECASE)
_LONGEST = 255


def need_known(request: Request, known: Collection[str]) -> None:
    """Raise Problem for a parameter of the query that a route has not: a filter that is mistyped
    would else list everything.
    """
    if not request.scope["query_string"]:
        return
    for name in request.query_params:
        if name not in known:
            has = f"it has {', '.join(sorted(known))}" if known else "it has none"
            raise Problem(
                "malformed",
                f"This route has no parameter {name[:100]!r}; {has}.{did_you_mean(name, known)}",
            )


def asked_by(
    request: Request, caller: Caller, route: str, body: Callable[[], Any], *, needed: bool
) -> Asked | None:
    """Return a request by its Idempotency-Key, None where it has none; raises Problem.

    ``body`` returns what is asked for, as JSON knows it: most requests have no key, and need none.
    The key is its requester's: another user's, another tenant's or another route's is another.
    """
    given = request.headers.getlist("idempotency-key")
    if not given:
        if needed:
            raise Problem(
                "idempotency_key_missing",
                "This deployment asks for an Idempotency-Key: a text that is new to each request.",
            )
        return None
    key = _key(given)
    scope = hashlib.sha256(
        canonical_json([caller.tenant_id, caller.user_id, route]).encode()
    ).hexdigest()
    digest = hashlib.sha256(canonical_json(plain(body())).encode()).digest()
    return Asked(scope, key, digest)


def wait_of(request: Request, most: float) -> float | None:
    """Return for how many seconds an end is waited for: ``Prefer: wait=30``; None for not at all.

    A preference that cannot be read is none: RFC 7240 says to pass it over.
    """
    found = _WAIT.search(", ".join(request.headers.getlist("prefer")))
    return None if found is None else min(float(found[1]), most)


def _key(given: list[str]) -> str:
    text = given[0].strip()
    quoted = _QUOTED.fullmatch(text)
    if quoted is not None:
        key = quoted[1].replace('\\"', '"').replace("\\\\", "\\")
    else:
        key = text if _BARE.fullmatch(text) else ""
    if len(given) > 1 or not 0 < len(key) <= _LONGEST:
        raise Problem(
            "idempotency_key_malformed",
            "An Idempotency-Key is 1 to 255 visible ASCII characters, with or without quotes, and "
            "comes once.",
        )
    return key
