"""A schema registry that speaks Confluent's REST API: look-ups, and publishing on request."""

from __future__ import annotations

import json
from typing import Any, NoReturn
from urllib.parse import quote

import httpx

from runfold.events.avro.files import Entry, SchemaFolder
from runfold.events.avro.schema import meaning_of
from runfold.events.errors import RegistryError, SchemaError, WireError
from runfold.infra.http.body import IDENTITY, BodyRefusedError, whole

COMPATIBILITY = "FULL_TRANSITIVE"

_NOT_FOUND = 404
# An id that cannot be one is refused as such; whoever wrote the value chose it, so it must not
# pass for a registry that is away, which is asked for ever.
_NO_SUCH_ID = frozenset({400, _NOT_FOUND, 410, 422})
_CONFLICT = 409
_MOST_BYTES = 4_000_000


class ConfluentRegistry:
    """Ids from a registry by its URL; it only looks up, so nothing is registered by accident."""

    def __init__(
        self,
        url: str,
        folder: SchemaFolder | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(
            base_url=url.rstrip("/"), timeout=10, transport=transport, headers=IDENTITY
        )
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
        if isinstance(found := answer.get("id"), int):
            return found
        raise self._unexpected("an answer without an id")

    def schema_of(self, schema_id: int) -> str:
        """Return the schema of an id; raises WireError ``unknown_schema`` if there is none."""
        answer = self._ask("GET", f"/schemas/ids/{schema_id}", none=_NO_SUCH_ID)
        if answer is None:
            raise WireError("unknown_schema", f"No schema has the id {schema_id}.")
        if isinstance(found := answer.get("schema"), str):
            return found
        raise self._unexpected("an answer without a schema")

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
        wanted = meaning_of(schema)
        for entry in reversed(self._folder.entries()):
            if entry.subject == subject and meaning_of(self._folder.text(entry)) == wanted:
                return self._folder.text(entry)
        return schema

    def _refuse_if_incompatible(self, entry: Entry) -> None:
        subject, text = _part(entry.subject), {"schema": self._folder.text(entry)}
        if self._ask("POST", f"/subjects/{subject}", text) is not None:
            return
        path = f"/compatibility/subjects/{subject}/versions?verbose=true"
        answer = self._ask("POST", path, text)
        if answer is not None and not answer.get("is_compatible"):
            self._refuse(entry.subject, str(answer.get("messages") or answer.get("reason") or ""))

    def _refuse(self, subject: str, reason: str) -> NoReturn:
        raise SchemaError(
            f"The schema of {subject} does not fit what the registry holds, and nothing was "
            f"published: {reason.partition(chr(10))[0] or COMPATIBILITY}"
        )

    def _ask(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        none: frozenset[int] = frozenset({_NOT_FOUND}),
    ) -> Any:
        """Return the answer's JSON object, or None where the registry knows no such thing."""
        try:
            with self._http.stream(method, path, json=body) as answer:
                if answer.status_code in none:
                    return None
                if answer.status_code != _CONFLICT:
                    answer.raise_for_status()
                said = json.loads(whole(answer, _MOST_BYTES))
                if answer.status_code == _CONFLICT:
                    self._refuse(path.split("/")[2], str(said.get("message", "")))
        except (
            httpx.HTTPError,
            httpx.InvalidURL,
            BodyRefusedError,
            AttributeError,
            RecursionError,
            ValueError,
        ) as error:
            raise self._unexpected(type(error).__name__) from error
        if not isinstance(said, dict):
            raise self._unexpected("an answer that is no JSON object")
        return said

    def _unexpected(self, what: str) -> RegistryError:
        return RegistryError(
            f"The schema registry at {self._address} did not answer as it should "
            f"({what}): check SCHEMA_REGISTRY_URL and that it runs."
        )


def publish(registry_url: str) -> list[str]:
    """Register every committed schema at a registry; return the subjects with their versions."""
    registry = ConfluentRegistry(registry_url)
    try:
        return registry.publish()
    finally:
        registry.close()


def _part(subject: str) -> str:
    return quote(subject, safe="")
