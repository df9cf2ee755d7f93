"""Every code of a problem: its status, what it means, whether to try again. Codes never change.

docs/problems.md shows the table, and so does the gateway under ``/problems``.
"""

from __future__ import annotations

from dataclasses import dataclass

from runfold.surfaces.application.faults import RETRYABLE, Code


@dataclass(frozen=True, slots=True)
class Kind:
    """What a code says: the HTTP status, a title of a few words, what helps."""

    status: int
    title: str
    helps: str
    retryable: bool = False


def _of(code: Code, status: int, title: str, helps: str) -> tuple[str, Kind]:
    return code.value, Kind(status, title, helps, code in RETRYABLE)


CODES: dict[str, Kind] = dict(
    (
        _of(Code.INVALID, 422, "It cannot be accepted as it is", "Change what `detail` names."),
        _of(Code.USAGE, 400, "It cannot be understood", "Change what `detail` names."),
        _of(
            Code.NOT_FOUND, 404, "There is no such thing",
            "Check the id. What another tenant has is not there.",
        ),
        _of(Code.AMBIGUOUS, 409, "Several have this name", "Name it in full."),
        _of(Code.RUN_ENDED, 409, "The run has ended", "Nothing was changed, and nothing can be."),
        _of(
            Code.OTHER_REQUEST, 422, "The Idempotency-Key was used for another request",
            "Take a new key for a new request.",
        ),
        _of(
            Code.UNDER_WAY, 409, "The same request is under way",
            "Ask again in a second with the same key.",
        ),
        _of(
            Code.IN_DOUBT, 409, "Nobody knows whether this request arrived",
            "See whether the run of `run_id` is there; if not, take a new key.",
        ),
        _of(
            Code.NOT_YET, 504, "It has not happened in the time given",
            "Ask again: the same may succeed.",
        ),
        _of(
            Code.REPLAYS_OPEN, 429, "What was replayed has to be sent first",
            "Wait until deliveries of earlier replays are sent, or drop them as `detail` says.",
        ),
        _of(
            Code.UNAVAILABLE, 503, "A server does not answer",
            "Ask again a little later, with the same Idempotency-Key.",
        ),
        _of(Code.STORAGE, 500, "Something could not be kept", "An operator must make room."),
        _of(
            Code.INTERNAL, 500, "A bug in Runfold",
            "Tell the operator the request id: the log has more.",
        ),
    )
) | {
    "malformed": Kind(400, "The request is malformed", "Send what `detail` says."),
    "too_deep": Kind(400, "The JSON is nested too deeply", "Nest it less, or send it as text."),
    "idempotency_key_missing": Kind(
        400, "An Idempotency-Key is needed here", "Send one: any text that is new to each request."
    ),
    "idempotency_key_malformed": Kind(
        400, "The Idempotency-Key cannot be one", "Send 1 to 255 visible ASCII characters, once."
    ),
    "cursor_malformed": Kind(
        400, "The cursor fits no list of this kind", "Use `next` of an answer, with its filters."
    ),
    "unknown_version": Kind(
        400, "There is no such version of the API", "Name one that `detail` names, or none."
    ),
    "unauthenticated": Kind(
        401, "Who asks is not known", "Send `Authorization: Bearer KEY` with a key in force."
    ),
    "token_malformed": Kind(
        401, "It is not a token", "Send an access token as its issuer made it, a signed JWT."
    ),
    "token_untrusted": Kind(
        401, "Nobody who is trusted here made the token",
        "Use a token of an issuer that the gateway is told of, signed as it publishes.",
    ),
    "token_expired": Kind(401, "The token has expired", "Ask its issuer for a new one."),
    "token_not_yet": Kind(401, "The token does not hold yet", "Wait, or see whether clocks agree."),
    "token_audience": Kind(
        401, "The token is for somebody else", "Ask its issuer for one with the audience named."
    ),
    "token_claims": Kind(
        401, "The token does not say who asks",
        "Have its issuer put in the claims that the gateway looks for, or change where it looks.",
    ),
    "unsigned": Kind(
        401, "No channel vouches for this request",
        "The workspace and its secret must be in `RUNFOLD_CHANNELS_FILE`, and the clocks right.",
    ),
    "forbidden": Kind(403, "The key does not grant this", "Use a key with the scope named."),
    "other_tenant": Kind(
        403, "The request speaks for somebody else", "Leave it out: the key says who speaks."
    ),
    "no_such_route": Kind(404, "There is no such route", "`/openapi.json` has them all."),
    "method_not_allowed": Kind(405, "The route has no such method", "Use one that `Allow` names."),
    "not_acceptable": Kind(
        406, "The route has no answer in this form", "Ask for `application/json`."
    ),
    "no_web_push": Kind(
        404, "Nothing is pushed to browsers here",
        "An operator sets `RUNFOLD_PUSH_PUBLIC_KEY`: `runfold push key` makes the keys.",
    ),
    "too_far_behind": Kind(
        410, "Too much was written since that position", "Begin without `after`, from now."
    ),
    "too_slow": Kind(408, "The request came too slowly", "Send it faster, or in one piece.", True),
    "too_large": Kind(413, "The body is too large", "Send less, or refer to an artifact."),
    "uri_too_long": Kind(414, "The path or its query is too long", "Use fewer filters."),
    "unsupported_media_type": Kind(
        415, "The body has another form than JSON", "Send `Content-Type: application/json`, plain."
    ),
    "range_not_satisfiable": Kind(
        416, "There are no such bytes", "Ask for a part within the length that `detail` names."
    ),
    "digest_mismatch": Kind(
        422, "The body is not what its digest says", "Send it again, with the digest of it.", True
    ),
    "too_many_requests": Kind(
        429, "Too many requests", "Wait as long as `Retry-After` says.", True
    ),
    "refused_too_often": Kind(
        429, "Too many requests were refused",
        "Use a key that is in force, and for what it grants: such requests are served at once.",
    ),
    "too_many_headers": Kind(431, "Too many header fields", "Send fewer."),
    "too_busy": Kind(503, "The gateway has all it can do", "Wait as `Retry-After` says.", True),
}  # fmt: skip
"""By code, in the order of the page."""
