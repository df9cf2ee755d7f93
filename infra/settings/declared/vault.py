"""The variables that name a Vault, from which secrets of tools may come."""

from __future__ import annotations

from pathlib import Path

from runfold.infra.settings.kinds import FOLDER, HTTP, LINE, WORD
from runfold.infra.settings.variable import Variable, hidden, without_password

_NO_PATH: Path | None = None

VAULT_ADDR = Variable(
    "RUNFOLD_VAULT_ADDR", HTTP, "", "tool pool, run processor, gateway, delivery",
    "a Vault (or OpenBao) server, asked for secrets that neither a variable nor the folder holds",
    "none", without_password,
)  # fmt: skip
VAULT_TOKEN = Variable(
    "RUNFOLD_VAULT_TOKEN", WORD, "", "tool pool, run processor, gateway, delivery",
    "the token that Vault is asked with", "none", hidden,
)  # fmt: skip
VAULT_TOKEN_FILE = Variable(
    "RUNFOLD_VAULT_TOKEN_FILE", FOLDER, _NO_PATH, "tool pool, run processor, gateway, delivery",
    "a file with this token instead, as Vault's agent keeps it; read again when it changes", "none",
)  # fmt: skip
VAULT_NAMESPACE = Variable(
    "RUNFOLD_VAULT_NAMESPACE", WORD, "", "tool pool, run processor, gateway, delivery",
    "the namespace in Vault", "none",
)  # fmt: skip
VAULT_CACERT = Variable(
    "RUNFOLD_VAULT_CACERT", FOLDER, _NO_PATH, "tool pool, run processor, gateway, delivery",
    "a PEM file with the authority that signed Vault's certificate", "those that the system trusts",
)  # fmt: skip
VAULT_MOUNT = Variable(
    "RUNFOLD_VAULT_MOUNT", LINE, "secret", "tool pool, run processor, gateway, delivery",
    "where the KV engine (version 2) is mounted",
)  # fmt: skip
VAULT_PATH = Variable(
    "RUNFOLD_VAULT_PATH", LINE, "runfold", "tool pool, run processor, gateway, delivery",
    "the path in it under which `<name>` is for all tenants, and `tenants/<tenant>/<name>` for one",
)  # fmt: skip
