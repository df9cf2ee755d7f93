"""Secrets that sign: those that are there do, and the log says once which is not."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from runfold.events.definitions import Subscription
from runfold.infra.http import signing
from runfold.infra.secrets.environment import EnvironmentSecrets
from runfold.processors.delivery.rows import Key
from runfold.processors.delivery.webhooks import keys
from runfold.processors.delivery.webhooks.keys import NoSecretError, Secrets
from runfold.surfaces.application.delivery.webhooks import rotated
from runfold.surfaces.application.errors import InvalidError

BOTH = ("webhook-2", "webhook")


def test_a_secret_that_is_missing_stops_nothing_that_another_can_sign(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(keys, "_BELIEVED_S", 0.0)
    old, new = signing.new_secret(), signing.new_secret()
    env = {"RUNFOLD_SECRET_WEBHOOK": old}
    secrets = Secrets(EnvironmentSecrets(env))

    def signed() -> list[bytes]:
        return asyncio.run(secrets.signing_keys(BOTH, "acme"))

    with caplog.at_level(logging.WARNING, "runfold.delivery"):
        assert signed() == [signing.key_of(old)] == signed()
        assert asyncio.run(secrets.missing(BOTH, "acme")) == ["webhook-2"]
        assert secrets.seen_missing(BOTH) == ["webhook-2"]
        env["RUNFOLD_SECRET_WEBHOOK_2"] = new
        assert signed() == [signing.key_of(new), signing.key_of(old)]
        assert secrets.seen_missing(BOTH) == []
        # One that vanishes later, and one that is no secret.
        del env["RUNFOLD_SECRET_WEBHOOK"]
        assert signed() == [signing.key_of(new)]
        env["RUNFOLD_SECRET_WEBHOOK_2"] = "nonsense"
        with pytest.raises(NoSecretError, match=r"no signing secret.*holds no webhook:"):
            signed()
    said = [record.message for record in caplog.records]
    assert len(said) == 4
    assert "set RUNFOLD_SECRET_WEBHOOK_2 where it is sent from" in said[0]
    assert said[1] == "the secret webhook-2 can be used again"
    assert "nonsense" not in caplog.text


class Log:
    def __init__(self, *missing: str) -> None:
        self._missing = missing

    def receivers(self, _scope: str) -> Any:
        return {Key("acme", "hook"): {"missing_secrets": self._missing}}


def test_a_rotation_keeps_a_secret_that_signs() -> None:
    made = Subscription(
        name="hook", version="1.0.0", url="https://hooks.example/", secrets=BOTH, events=("*",)
    )

    def named(to: str | None, *missing: str) -> list[str]:
        log: Any = Log(*missing)
        found: list[str] = rotated(log, Key("acme", "hook"), made, to)["spec"]["secrets"]
        return found

    assert named(None) == ["webhook-2"]
    with pytest.raises(InvalidError, match="set RUNFOLD_SECRET_WEBHOOK_2 there"):
        named(None, "webhook-2")
    assert named("webhook-3") == ["webhook-3", "webhook-2"]
    assert named("webhook-3", "webhook-2") == ["webhook-3", "webhook"]
