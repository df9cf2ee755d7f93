"""Signatures, verified by the library of the specification."""

from __future__ import annotations

import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from runfold.infra.http import signing


def test_another_library_verifies_ours_with_each_of_two_secrets() -> None:
    old, new, other = (signing.new_secret() for _ in range(3))
    keys = [signing.key_of(new), signing.key_of(old)]
    body = '{"said": "grüß dich"}'.encode()
    headers = signing.headers(keys, "msg_1", int(time.time()), body)
    assert headers["webhook-id"] == "msg_1"
    for secret in (old, new):
        assert Webhook(secret).verify(body.decode(), headers) == {"said": "grüß dich"}
    with pytest.raises(WebhookVerificationError):
        Webhook(other).verify(body.decode(), headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new).verify(body.decode() + " ", headers)
    late = signing.headers(keys, "msg_1", int(time.time()) - 3600, body)
    with pytest.raises(WebhookVerificationError):
        Webhook(new).verify(body.decode(), late)


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_!!!", "a" * 400])
def test_what_is_no_secret_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(signing.SigningSecretError) as raised:
        signing.key_of(text)
    assert not text or text not in str(raised.value).replace("whsec_", "", 1) or text == "whsec_"
