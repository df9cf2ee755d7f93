"""Secrets of the environment, kept out of everything that a process writes about itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from runfold.infra.secrets.forms import forms_of
from runfold.infra.settings.declared.variables import SECRETS_FOLDER

MASK = "[redacted]"

_ENDINGS = ("_API_KEY", "_PASSWORD", "_TOKEN", "_HEADERS")
_SHORTEST = 4
_PART = 32


def secrets_of(env: Mapping[str, str]) -> tuple[str, ...]:
    """Return what may stand in no log: an environment's secrets in all forms, longest first."""
    return forms_of(values_of(env))


def values_of(env: Mapping[str, str]) -> tuple[str, ...]:
    """Return the secrets of an environment, as they are."""
    found = set()
    for name, value in env.items():
        if name.startswith("RUNFOLD_SECRET_") or name.endswith(_ENDINGS):
            # One may hold several, as that of the keys of credentials does.
            found |= {value, *(part for part in re.split(r"[\s,]+", value) if len(part) >= _PART)}
        elif name.endswith("_URL") and "@" in value:
            password = urlsplit(value).password or ""
            found |= {password, unquote(password)}
    if (folder := SECRETS_FOLDER.text(env)) and Path(folder).is_dir():
        found |= {text for file in Path(folder).iterdir() if (text := _text_of(file))}
    return tuple(sorted(value for value in found if len(value) >= _SHORTEST))


def masked(text: str, secrets: tuple[str, ...]) -> str:
    """Return the text without the secrets."""
    for secret in secrets:
        if secret in text:
            text = text.replace(secret, MASK)
    return text


def _text_of(file: Path) -> str:
    """Return a secret's file as it is at the start; one exchanged later is not known here."""
    try:
        return file.read_bytes().decode().strip() if file.is_file() else ""
    except (OSError, UnicodeDecodeError):
        return ""
