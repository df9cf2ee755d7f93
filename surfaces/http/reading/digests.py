"""Digests of bodies, as RFC 9530 has them: what came is what was sent."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

from starlette.requests import Request

from runfold.surfaces.http.refusals.problems import Problem

_MEMBER = re.compile(r"([a-z0-9*_.-]+)=:([A-Za-z0-9+/]*={0,2}):")
_KNOWN = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}


def check(request: Request, body: bytes) -> None:
    """Raise Problem where a body is not what its ``Content-Digest`` or ``Repr-Digest`` says.

    Digests of other kinds than SHA-256 and SHA-512 are passed over, as the RFC has it.
    """
    for header in ("content-digest", "repr-digest"):
        for text in request.headers.getlist(header):
            for kind, said in _members(text):
                if kind in _KNOWN and _KNOWN[kind](body).digest() != said:
                    raise Problem(
                        "digest_mismatch",
                        f"The {kind} of the {len(body):,} bytes that came is another than the one "
                        f"in {header.title()}: send the body again.",
                    )


def digest_header(digest: bytes) -> str:
    """Return a SHA-256 as such a header says it."""
    return f"sha-256=:{base64.b64encode(digest).decode()}:"


def _members(text: str) -> list[tuple[str, bytes]]:
    found = []
    for each in text.split(","):
        member = _MEMBER.fullmatch(each.strip())
        if member is None:
            raise _malformed()
        try:
            found.append((member[1], base64.b64decode(member[2], validate=True)))
        except binascii.Error:
            raise _malformed() from None
    return found


def _malformed() -> Problem:
    return Problem("malformed", "A digest of a body is written sha-256=:BASE64:, as in RFC 9530.")
