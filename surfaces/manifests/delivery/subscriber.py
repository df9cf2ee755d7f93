"""The manifest of a subscriber: a channel with what it needs, a clock that there is."""

from __future__ import annotations

import re
import zoneinfo

from pydantic import ValidationError

from runfold.events.definitions import Subscriber
from runfold.events.expected import unexpected
from runfold.infra.documents import Document
from runfold.surfaces.manifests.delivery.subscription import check_url

_MAIL = re.compile(r"[A-Za-z0-9._%+/=!#$&'*?^`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}", re.ASCII)
"""What is taken for an e-mail address: one, plain, without a line break or a list."""

_TENANT = re.compile(r"[^\s/@]{1,253}")


def lower_subscriber(document: Document) -> Subscriber | None:
    """Return the subscriber that a checked document declares, None where it is refused."""
    metadata, spec = document.data["metadata"], document.data["spec"]
    about = {"name": metadata["name"], "version": metadata["version"]}
    try:
        made = Subscriber.model_validate(
            {**about, "description": metadata.get("description", ""), **spec}
        )
    except ValidationError as fault:
        for each in unexpected(fault):
            document.refuse(("spec", *each.place), each.text)
        return None
    _check(made, document)
    return None if document.problems else made


def _check(made: Subscriber, document: Document) -> None:
    match made.channel:
        case "email":
            if not _MAIL.fullmatch(made.address):
                document.refuse(("spec", "address"), "this is no e-mail address")
        case "webhook":
            check_url(made.address, ("spec", "address"), document)
            if made.secret is None:
                document.refuse(("spec",), "secret must name what the webhook is signed with")
        case "slack":
            if made.secret is None:
                document.refuse(("spec",), "secret must name where the address of the webhook is")
            if made.address:
                sentence = "the address lets anybody write there: put it into the store of secrets"
                document.refuse(("spec", "address"), sentence)
        case "webpush":
            _check_push(made, document)
    if made.whose == "own" and not made.person:
        document.refuse(("spec",), "person must say whose runs are meant by `whose: own`")
    try:
        zoneinfo.ZoneInfo(made.time_zone)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        document.refuse(("spec", "time_zone"), "there is no such time zone; one is Europe/Berlin")
    if made.quiet is not None and made.quiet.begins == made.quiet.ends:
        document.refuse(("spec", "quiet"), "the hours begin when they end: say others")


def _check_push(made: Subscriber, document: Document) -> None:
    if not made.person:
        document.refuse(("spec",), "person must say whose browsers are told")
    if made.secret is not None:
        document.refuse(("spec", "secret"), "web push has one key for all: leave the secret out")
    if made.address and not _TENANT.fullmatch(made.address):
        sentence = "for webpush this is a tenant, where the subscriber is of all tenants"
        document.refuse(("spec", "address"), sentence)
