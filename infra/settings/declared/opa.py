"""The variables that name a policy server, which policies may have asked about tool calls."""

from __future__ import annotations

from pathlib import Path

from runfold.infra.settings.kinds import FOLDER, HTTP, WORD
from runfold.infra.settings.variable import Variable, hidden, without_password

_NO_PATH: Path | None = None

OPA_ADDR = Variable(
    "RUNFOLD_OPA_ADDR", HTTP, "", "run processor",
    "an Open Policy Agent, or a server that speaks its REST API, asked where a policy says so "
    "([policies](policy.md#a-policy-server))", "none", without_password,
)  # fmt: skip
OPA_TOKEN = Variable(
    "RUNFOLD_OPA_TOKEN", WORD, "", "run processor",
    "the bearer token that it is asked with", "none", hidden,
)  # fmt: skip
OPA_CACERT = Variable(
    "RUNFOLD_OPA_CACERT", FOLDER, _NO_PATH, "run processor",
    "a PEM file with the authority that signed its certificate", "those that the system trusts",
)  # fmt: skip
