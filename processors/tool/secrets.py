"""Secrets of a call: given to tools by name, kept out of everything they say [98]."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from runfold.infra.secrets.forms import forms_of, without
from runfold.infra.secrets.port import SecretStore, SecretsUnavailableError
from runfold.processors.tool.errors import NotYetError, ToolRefusedError

_REDACTED = "[redacted]"


def held(names: Iterable[str], secrets: SecretStore, tenant_id: str) -> Mapping[str, str]:
    """Return the named secrets' values; raises ToolRefusedError if one is not held here."""
    found = {}
    for name in names:
        try:
            value = secrets.get(name, tenant_id)
        except SecretsUnavailableError as error:
            raise NotYetError("secrets_unavailable", str(error)) from error
        if not value:
            raise ToolRefusedError(
                f"The tool needs the secret {name!r}, which this process does not hold.",
                error_type="unavailable",
                suggested_next_action="Give the secret to the process that runs the tool.",
            )
        found[name] = value
    return found


def redacted_bytes(data: bytes, values: Iterable[str]) -> bytes:
    """Return bytes without the secret values in them, in UTF-8, in every form of ``forms_of``."""
    for form in forms_of(tuple(values)):
        if (found := form.encode(errors="surrogatepass")) in data:
            data = data.replace(found, _REDACTED.encode())
    return data


def redacted(text: str, values: Iterable[str]) -> str:
    """Return the text without the secret values, in every form of ``forms_of``."""
    return without(text, values, _REDACTED)
