"""Secrets in a folder, one file a secret, as Docker and Kubernetes mount them."""

from __future__ import annotations

from pathlib import Path

from runfold.infra.secrets.names import is_plain
from runfold.infra.secrets.port import SecretsUnavailableError


class FileSecrets:
    """The same secrets for every tenant, read each time, so that they can be rotated."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, name: str, tenant_id: str) -> str | None:  # noqa: ARG002 - of the deployment
        """Return the file's text without a last line break, None where there is no such file."""
        if not is_plain(name):
            return None
        try:
            # As it is: reading text would change the line breaks within it.
            text = (self._folder / name).read_bytes().decode()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise SecretsUnavailableError(
                f"The secret {name!r} cannot be read: {type(error).__name__}."
            ) from error
        return text.removesuffix("\n").removesuffix("\r") or None
