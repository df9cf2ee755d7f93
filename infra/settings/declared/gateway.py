"""The variables of the gateway: where it listens, and the bounds of what it takes."""

from __future__ import annotations

from pathlib import Path

from runfold.infra.settings.kinds import FOLDER, NETWORKS, WORD, Network, choice, number
from runfold.infra.settings.variable import Variable, hidden, without_password

_NO_PATH: Path | None = None
_NO_NUMBER: int | None = None
_NO_NETWORKS: tuple[Network, ...] = ()

HTTP_HOST = Variable(
    "RUNFOLD_HTTP_HOST", WORD, "127.0.0.1", "gateway",
    "the address that the HTTP API is served on; put a proxy that speaks TLS before any other than "
    "the loopback",
)  # fmt: skip
HTTP_PORT = Variable(
    "RUNFOLD_HTTP_PORT", number(1, 65535), _NO_NUMBER, "gateway",
    "the port that the HTTP API is served on", "a free one, which stays the same",
)  # fmt: skip
HTTP_HASH_KEY_FILE = Variable(
    "RUNFOLD_HTTP_HASH_KEY_FILE", FOLDER, _NO_PATH, "gateway, `runfold keys`",
    "the file with the key that API keys are hashed with, 32 bytes or more, the same for every "
    "gateway of a deployment ([HTTP](http.md#keys))", "`gateway/hash-key` in the home, made once",
)  # fmt: skip
HTTP_ISSUERS_FILE = Variable(
    "RUNFOLD_HTTP_ISSUERS_FILE", FOLDER, _NO_PATH, "gateway",
    "a file of YAML with the issuers whose tokens let in ([identity](identity.md#tokens))", "none",
)  # fmt: skip
HTTP_PROXIES = Variable(
    "RUNFOLD_HTTP_PROXIES", NETWORKS, _NO_NETWORKS, "gateway",
    "addresses or networks of proxies, with commas between, whose `X-Forwarded-For` is believed",
    "none",
)  # fmt: skip
HTTP_BODY = Variable(
    "RUNFOLD_HTTP_BODY_BYTES", number(1_000, 100_000_000), 1_000_000, "gateway",
    "the most bytes of a request's body",
)  # fmt: skip
HTTP_ARTIFACT = Variable(
    "RUNFOLD_HTTP_ARTIFACT_BYTES", number(1_000, 200_000_000), 20_000_000, "gateway",
    "the most bytes of an artifact that is uploaded",
)  # fmt: skip
HTTP_RATE = Variable(
    "RUNFOLD_HTTP_RATE", number(1, 1_000_000), 1_000, "gateway",
    "requests a second that one API key may make, on average over ten seconds",
)  # fmt: skip
HTTP_CONCURRENCY = Variable(
    "RUNFOLD_HTTP_CONCURRENCY", number(1, 1_000_000), 256, "gateway",
    "requests of one API key that may be under way at once, streams not counted",
)  # fmt: skip
HTTP_LISTENERS = Variable(
    "RUNFOLD_HTTP_LISTENERS", number(1, 1_000_000), 10_000, "gateway",
    "streams of events that may be open at once",
)  # fmt: skip
HTTP_IDLE = Variable(
    "RUNFOLD_HTTP_IDLE_S", number(1, 3600), 20, "gateway",
    "seconds without progress after which a connection is cut: a client that sends its request, or "
    "reads its answer, too slowly",
)  # fmt: skip
HTTP_IDEMPOTENCY = Variable(
    "RUNFOLD_HTTP_IDEMPOTENCY", choice("optional", "require"), "optional", "gateway",
    "whether `POST /runs` needs an `Idempotency-Key`",
)  # fmt: skip
HTTP_KEEP = Variable(
    "RUNFOLD_HTTP_IDEMPOTENCY_H", number(1, 8760), 24, "gateway",
    "hours that an `Idempotency-Key` is remembered",
)  # fmt: skip
CHANNELS_FILE = Variable(
    "RUNFOLD_CHANNELS_FILE", FOLDER, _NO_PATH, "gateway",
    "the file that says which workspaces of Slack and Teams may speak here, and who their people "
    "are ([channels](channels.md#slack-and-teams))", "none: nobody from there gets anything done",
)  # fmt: skip
HTTP_URL = Variable(
    "RUNFOLD_HTTP_URL", WORD, "", "clients over HTTP",
    "the address of the gateway, such as `https://runs.example.com`", "that of the home's gateway",
    without_password,
)  # fmt: skip
API_KEY = Variable(
    "RUNFOLD_API_KEY", WORD, "", "clients over HTTP",
    "the API key that they ask with", "that of the home's gateway, where it is asked", hidden,
)  # fmt: skip
