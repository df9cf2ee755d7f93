"""Manifests of subscriptions and subscribers: what can never work is refused where it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from runfold.events.definitions import Subscriber, Subscription
from runfold.surfaces.manifests import InvalidManifestsError, load

SPECS: dict[str, dict[str, Any]] = {
    "Subscription": {
        "url": "https://example.com/hook", "secrets": ["webhook-2", "webhook"],
        "events": ["Run*", "ApprovalRequested"], "filter": {"statuses": ["failed"]},
    },
    "Subscriber": {
        "channel": "email", "address": "ada@example.com", "about": ["approval"],
        "quiet": {"begins": "22:00", "ends": "07:00"}, "time_zone": "Europe/Berlin",
    },
}  # fmt: skip


def loaded(folder: Path, kind: str, **changed: Any) -> Any:
    spec = {k: v for k, v in {**SPECS[kind], **changed}.items() if v is not None}
    said = {
        "apiVersion": "runfold/v1", "kind": kind,
        "metadata": {"name": "mine", "version": "1.0.0"}, "spec": spec,
    }  # fmt: skip
    file = folder / "one.yaml"
    file.write_text(yaml.safe_dump(said))
    [made] = load([file], env={}, base_of=lambda *_: None).definitions
    return made


def test_both_kinds_are_read(tmp_path: Path) -> None:
    made = loaded(tmp_path, "Subscription")
    assert isinstance(made, Subscription)
    assert made.takes("RunFailed")
    assert not made.takes("ModelCalled")
    person = loaded(tmp_path, "Subscriber")
    assert isinstance(person, Subscriber)
    assert Subscriber.model_validate_json(person.body()) == person


@pytest.mark.parametrize(
    ("kind", "changed", "says"),
    [
        ("Subscription", {"url": "ftp://example.com/"}, "this is no address"),
        ("Subscription", {"url": "https://ada:word@example.com/"}, "a user or a password"),
        ("Subscription", {"secrets": ["openai-key"]}, "its name begins with webhook"),
        ("Subscription", {"secrets": []}, "secrets"),
        ("Subscription", {"events": ["RunComplete"]}, "no event is of a type RunComplete"),
        ("Subscription", {"events": ["*Run"]}, "a type of events"),
        ("Subscription", {"filter": {"statuses": ["done"]}}, "done is none of"),
        ("Subscription", {"filter": {"statues": []}}, "unknown field"),
        ("Subscriber", {"address": "ada@example.com, bob@example.com"}, "no e-mail address"),
        ("Subscriber", {"address": "ada@example.com\nBcc: bob@example.com"}, "no e-mail address"),
        ("Subscriber", {"whose": "own"}, "person must say"),
        ("Subscriber", {"time_zone": "Berlin"}, "no such time zone"),
        ("Subscriber", {"time_zone": "../../etc/passwd"}, "no such time zone"),
        ("Subscriber", {"quiet": {"begins": "25:00", "ends": "07:00"}}, "hours and minutes"),
        ("Subscriber", {"quiet": {"begins": "07:00", "ends": "07:00"}}, "begin when they end"),
        ("Subscriber", {"channel": "slack"}, "secret must name"),
        ("Subscriber", {"channel": "webpush", "address": None}, "whose browsers"),
        ("Subscriber", {"channel": "webpush", "person": "ada"}, "this is a tenant"),
        ("Subscriber", {"channel": "webpush", "person": "ada", "secret": "webhook"}, "one key"),
        ("Subscriber", {"channel": "webhook", "address": "https://x.org/"}, "signed with"),
    ],
)
def test_what_can_never_work_is_refused(
    tmp_path: Path, kind: str, changed: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidManifestsError, match=says):
        loaded(tmp_path, kind, **changed)
