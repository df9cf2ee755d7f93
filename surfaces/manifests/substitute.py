"""``${NAME}`` and ``${NAME:-default}`` in the few places that allow it, always reported."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runfold.infra.documents import Document, FieldPath
from runfold.infra.secrets.names import looks_secret
from runfold.surfaces.manifests.problems import Remark

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


@dataclass(slots=True)
class Substitution:
    """Replaces references in one document; ``made`` records each replacement."""

    document: Document
    env: Mapping[str, str]
    made: list[Remark]

    def replace(self, value: Any, path: FieldPath) -> Any:
        """Return the value with every reference in it replaced; faults go to the document."""
        if isinstance(value, str):
            return self._text(value, path)
        if isinstance(value, dict):
            return {key: self.replace(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.replace(item, (*path, at)) for at, item in enumerate(value)]
        return value

    def _text(self, text: str, path: FieldPath) -> str:
        if "${" in _REFERENCE.sub("", text):
            self.document.refuse(path, "write references as ${NAME} or ${NAME:-default}")
        return _REFERENCE.sub(lambda found: self._value(found, path), text)

    def _value(self, found: re.Match[str], path: FieldPath) -> str:
        name, default = found.group(1), found.group(2)
        if looks_secret(name):
            # A definition stays on the log for ever, readable by everyone who reads the topic.
            self.document.refuse(
                path,
                f"{name} looks like a secret, and definitions are public: "
                "name the secret in the tool's spec.auth instead",
            )
            return ""
        given = self.env.get(name) or default
        if given is None:
            self.document.refuse(
                path, f"{name} is not set: set it, or give a default as ${{{name}:-value}}"
            )
            return ""
        source = "from the environment" if self.env.get(name) else "its default"
        self.made.append(self.document.remark(path, f'${{{name}}} is "{given}" ({source})'))
        return given
