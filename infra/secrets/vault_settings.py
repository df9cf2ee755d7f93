"""The Vault that the environment names, if it names one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from runfold.infra.secrets.port import SecretsUnavailableError
from runfold.infra.secrets.vault_http import VaultPlace
from runfold.infra.settings.declared import vault
from runfold.infra.settings.errors import ConfigError

_MOST_BYTES = 10_000


def vault_of(env: Mapping[str, str] | None, taken: Mapping[str, str] | None) -> VaultPlace | None:
    """Return the place of the secrets in Vault, None without ``RUNFOLD_VAULT_ADDR``.

    ``taken`` is what was taken out of the environment (``taking.take``), the token among it; None
    where nothing was. Raises
    ConfigError with a sentence for an address without a token, and for a path that cannot be meant.
    """
    address = vault.VAULT_ADDR.read(env)
    if not address:
        return None
    authority = vault.VAULT_CACERT.read(env)
    if authority is not None and not authority.is_file():
        raise ConfigError(f"{vault.VAULT_CACERT.name} names no file: {authority}.")
    return VaultPlace(
        address=address,
        token=_token(vault.VAULT_TOKEN.read(taken), vault.VAULT_TOKEN_FILE.read(env)),
        mount=_inner(vault.VAULT_MOUNT.name, vault.VAULT_MOUNT.read(env), least=1),
        path=_inner(vault.VAULT_PATH.name, vault.VAULT_PATH.read(env), least=0),
        namespace=vault.VAULT_NAMESPACE.read(env),
        authority=authority,
    )


def _token(given: str, file: Path | None) -> Callable[[], str]:
    if file is not None:
        return lambda: _in_file(file)
    if not given:
        raise ConfigError(
            f"{vault.VAULT_ADDR.name} is set without a token: set "
            f"{vault.VAULT_TOKEN_FILE.name} to a file that holds one, or "
            f"{vault.VAULT_TOKEN.name}."
        )
    return lambda: given


def _in_file(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            text = opened.read(_MOST_BYTES).decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        text = ""
        why = type(error).__name__
    else:
        why = "it holds no token"
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise SecretsUnavailableError(
            f"{vault.VAULT_TOKEN_FILE.name} names a file from which no token of Vault can be "
            f"read: {why}."
        )
    return text


def _inner(variable: str, text: str, least: int) -> str:
    """Return a path without ``/`` at its ends; ConfigError for one that would lead elsewhere."""
    parts = [part for part in text.split("/") if part]
    if len(parts) < least or any(part in {".", ".."} for part in parts):
        raise ConfigError(f"{variable} must be a path in Vault such as 'secret', not {text!r}.")
    return "/".join(parts)
