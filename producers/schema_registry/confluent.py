"""A schema registry that speaks Confluent's REST API: look-ups, and publishing on request."""

from __future__ import annotations

import json
from typing import Any, NoReturn
from urllib.parse import quote

import httpx

from runfold.events.avro.files import Entry, SchemaFolder
from runfold.events.avro.schema import meaning
from runfold.events.errors import RegistryError, SchemaError, WireError

COMPATIBILITY = "FULL_TRANSITIVE"

_NOT_FOUND = 404
_CONFLICT = 409


class ConfluentRegistry:
    """Ids from a registry by its URL; it only looks up, so nothing is registered by accident."""

    def __init__(
        self,
        url: str,
        folder: SchemaFolder | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(base_url=url.rstrip("/"), timeout=10, transport=transport)
        self._folder = folder or SchemaFolder()

    def id_of(self, subject: str, schema: str) -> int:
        """Return the id under which the subject holds the schema.

        SchemaError says that it does not, RegistryError that the registry does not answer.
        """
        answer = self._ask(
            "POST", f"/subjects/{_part(subject)}", {"schema": self._committed(subject, schema)}
        )
        if answer is None:
            raise SchemaError(
                f"The schema registry does not hold this schema of {subject}: publish it with "
                "`runfold schemas publish --registry URL`."
            )
        return int(answer["id"])

    def schema_of(self, schema_id: int) -> str:
        """Return the schema of an id; raises WireError ``unknown_schema`` if there is none."""
        answer = self._ask("GET", f"/schemas/ids/{schema_id}")
        if answer is None:
            raise WireError("unknown_schema", f"No schema has the id {schema_id}.")
        return str(answer["schema"])

    def publish(self) -> list[str]:
        """Register every committed schema, oldest first; return the subjects with their versions.

        Raises SchemaError, before anything is registered, if the registry holds something that
        one of them does not fit.
        """
        entries = self._folder.entries()
        for entry in entries:
            self._refuse_if_incompatible(entry)
        for entry in entries:
            path = f"/subjects/{_part(entry.subject)}"
            self._ask("PUT", f"/config/{_part(entry.subject)}", {"compatibility": COMPATIBILITY})
            if self._ask("POST", f"{path}/versions", {"schema": self._folder.text(entry)}) is None:
                raise RegistryError(f"The schema registry at {self._address} took no {path}.")
        return [f"{entry.subject} {entry.version}" for entry in entries]

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    @property
    def _address(self) -> str:
        """Where it is, without the credentials that its URL may hold."""
        url = self._http.base_url
        return str(url.copy_with(username=None, password=None)) if url.userinfo else str(url)

    def _committed(self, subject: str, schema: str) -> str:
        """Return the text that was published: a registry compares texts, documentation included."""
        wanted = meaning(json.loads(schema))
        for entry in reversed(self._folder.entries()):
            if entry.subject == subject and meaning(self._folder.schema(entry)) == wanted:
                return self._folder.text(entry)
        return schema

    def _refuse_if_incompatible(self, entry: Entry) -> None:
        subject, text = _part(entry.subject), {"schema": self._folder.text(entry)}
        if self._ask("POST", f"/subjects/{subject}", text) is not None:
            return
        path = f"/compatibility/subjects/{subject}/versions?verbose=true"
        answer = self._ask("POST", path, text)
        if answer is not None and not answer["is_compatible"]:
            self._refuse(entry.subject, str(answer.get("messages") or answer.get("reason") or ""))

    def _refuse(self, subject: str, reason: str) -> NoReturn:
        raise SchemaError(
            f"The schema of {subject} does not fit what the registry holds, and nothing was "
            f"published: {reason.partition(chr(10))[0] or COMPATIBILITY}"
        )

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Return the answer's JSON, or None where the registry knows no such thing."""
        try:
            answer = self._http.request(method, path, json=body)
            if answer.status_code == _NOT_FOUND:
                return None
            if answer.status_code == _CONFLICT:
                self._refuse(path.split("/")[2], answer.json().get("message", ""))
            answer.raise_for_status()
            return answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise RegistryError(
                f"The schema registry at {self._address} did not answer as it should "
                f"({type(error).__name__}): check SCHEMA_REGISTRY_URL and that it runs."
            ) from error


def publish(registry_url: str) -> list[str]:
    """Register every committed schema at a registry; return the subjects with their versions."""
    registry = ConfluentRegistry(registry_url)
    try:
        return registry.publish()
    finally:
        registry.close()


def _part(subject: str) -> str:
    return quote(subject, safe="")
