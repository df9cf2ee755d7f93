"""The manifest of a subscription: what can never match is refused where it is written."""

from __future__ import annotations

from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from pydantic import ValidationError

from runfold.events import run as journal
from runfold.events.base import Fact
from runfold.events.definitions import Subscription
from runfold.events.expected import unexpected
from runfold.events.values import ActorKind, RunStatus
from runfold.infra.documents import Document, FieldPath
from runfold.surfaces.manifests.problems import did_you_mean

TYPES = tuple(
    sorted(
        name
        for name, found in vars(journal).items()
        if isinstance(found, type)
        and issubclass(found, Fact)
        and found.__module__ != Fact.__module__
    )
)
"""The types of events that a run can have."""


def lower_subscription(document: Document) -> Subscription | None:
    """Return the subscription that a checked document declares, None where it is refused."""
    metadata, spec = document.data["metadata"], document.data["spec"]
    about = {"name": metadata["name"], "version": metadata["version"]}
    try:
        made = Subscription.model_validate(
            {**about, "description": metadata.get("description", ""), **spec}
        )
    except ValidationError as fault:
        for each in unexpected(fault):
            document.refuse(("spec", *each.place), each.text)
        return None
    _check(made, document)
    return None if document.problems else made


def _check(made: Subscription, document: Document) -> None:
    check_url(made.url, ("spec", "url"), document)
    for at, pattern in enumerate(made.events):
        if not any(fnmatchcase(each, pattern) for each in TYPES):
            near = did_you_mean(pattern.rstrip("*"), TYPES)
            document.refuse(("spec", "events", at), f"no event is of a type {pattern}.{near}")
    for field, given, known in (
        ("statuses", made.filter.statuses, [each.value for each in RunStatus]),
        ("actors", made.filter.actors, [each.value for each in ActorKind]),
    ):
        for at, word in enumerate(given):
            if word not in known:
                path = ("spec", "filter", field, at)
                document.refuse(path, f"{word} is none of {', '.join(known[1:])}")


def check_url(url: str, path: FieldPath, document: Document) -> None:
    """Refuse what is no address on the web; where it may lead is for those who send."""
    try:
        parts = urlsplit(url)
        fine = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        plain = parts.username is None and parts.password is None
    except ValueError:
        fine = plain = False
    if not (fine and url.isascii() and url.isprintable() and " " not in url):
        document.refuse(path, "this is no address such as https://example.com/hook")
    elif not plain:
        document.refuse(path, "the address holds a user or a password: leave them out")
