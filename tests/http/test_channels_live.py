"""A run that begins in Slack and is handed to the voice, on the real stack."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from tests.http.product import Product, gateway, waiting
from tests.support.stack import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

X11 = {
    "channel": "voice",
    "max_response_length": "short",
    "preferred_style": "direct",
    "allowed_modalities": ["speech"],
    "artifact_policy": "summarize_and_offer_link",
    "progress_policy": "brief_status_only",
    "approval_policy": "ask_one_clear_question",
}
CHANNELS = {
    "slack": [
        {
            "team": "T1",
            "secret": "slack",
            "tenant": "acme",
            "agent": "clerk",
            "users": {"U1": {"user": "ann", "scopes": ["runs:read", "runs:write", "runs:decide"]}},
        }
    ]
}


def slack(url: str, text: str, at: float | None = None) -> dict[str, Any]:
    """Send a slash command as Slack does, signed at a moment; return what it would show."""
    fields = {"command": "/r", "text": text, "team_id": "T1", "user_id": "U1"}
    body = urlencode({**fields, "channel_id": "C1", "trigger_id": text}).encode()
    moment = str(int(time.time() if at is None else at))
    mac = hmac.new(b"shared", f"v0:{moment}:".encode() + body, hashlib.sha256).hexdigest()
    headers = {"x-slack-request-timestamp": moment, "x-slack-signature": f"v0={mac}"}
    answer = httpx.post(f"{url}/channels/slack", content=body, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_run_begins_in_slack_and_is_handed_to_the_voice(
    product: Product, acme: httpx.Client
) -> None:
    answer = acme.post("/definitions", json={"manifests": [X11]})
    assert (answer.status_code, answer.json()["published"]) == (
        201,
        ["response_profile/voice@1.0.0#acme"],
    )
    file = product.settings.home / "channels.yaml"
    file.write_text(json.dumps(CHANNELS))
    more = {"RUNFOLD_CHANNELS_FILE": str(file), "RUNFOLD_SECRET_SLACK": "shared"}
    with gateway(product.settings, "gateway-3.log", **more):
        url = (product.folder / "url").read_text().strip()
        now = time.time()
        said = slack(url, "choose", now)["text"]
        # Signed anew, it is the same message; with the same signature it may be somebody else's.
        assert slack(url, "choose", now - 9)["text"] == said
        assert "taken before" in slack(url, "choose", now)["text"]
        run_id = said.rpartition("run ")[2].rstrip(")")
        question = waiting(acme, run_id)
        now = time.time()
        shown = json.dumps(slack(url, f"status {run_id}", now))
        with gateway(product.settings, "gateway-4.log", **more):
            other = (product.folder / "url").read_text().strip()
            assert other != url
            captured = slack(other, f"status {run_id}", now)
            assert "taken before" in captured["text"]
            assert "blocks" not in captured
        digest = acme.get(f"/runs/{run_id}").json()["waits_for"][0]["shown_digest"]
        assert digest[:12] in shown
        spoken = acme.get(f"/runs/{run_id}/render", params={"channel": "voice", "seen": 4}).json()
        assert spoken["body"]["text"].startswith("Already said")
        assert spoken["body"]["text"].endswith("Which colour?")
        assert json.loads(product.cli("handoff", run_id, "--to", "api"))["seen"] == spoken["seq"]
        slack(url, f"answer {question} {digest[:12]} blue")
        wait_until(lambda: acme.get(f"/runs/{run_id}").json()["exit"] is not None, 60)
    events = acme.get(f"/runs/{run_id}/events", params={"limit": 1000}).json()["events"]
    assert events[0]["fact"]["profile"]["name"] == "slack"
    assert events[0]["fact"]["request"]["source"] == "slack"
    assert acme.get(f"/runs/{run_id}/audit").json()["sound"] is True
    refused = acme.post("/runs", json={"goal": "x", "agent": "clerk", "response_profile": "loud"})
    other = refused.json()["run_id"]
    wait_until(lambda: acme.get(f"/runs/{other}").json()["exit"] is not None, 60)
    assert acme.get(f"/runs/{other}").json()["exit"]["payload"]["code"] == "unknown_profile"
