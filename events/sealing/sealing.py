"""Seals the contents of what a codec writes, and opens them in what it reads."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

from runfold.events.base import Fact, Record
from runfold.events.contents.content import Content
from runfold.events.errors import ShutError
from runfold.events.records.operations import DeadLetter
from runfold.events.sealing.form import (
    ERASED,
    KEY_ID_BYTES,
    SHUT,
    blob_of_bytes,
    blob_of_text,
    bytes_form,
    key_name,
    text_form,
)
from runfold.events.sealing.keys import DataKey, Gone, Keys
from runfold.events.sealing.records import has_contents, through

R = TypeVar("R", bound=Record)

TenantIn = Callable[[str, bytes], str | None]
"""Says whose a value of a topic is, without opening it; None where nobody can tell."""

_REMEMBERED = 100_000


class Sealing:
    """What a codec does for tenants whose contents are sealed; the others' pass untouched.

    With ``shows`` what cannot be opened any more is put into words for people; without, reading it
    raises ShutError, since nothing may be decided on it.
    """

    def __init__(self, keys: Keys, *, shows: bool = False) -> None:
        self.keys = keys
        self._shows = shows
        # Results name a run, and neither tenant nor class: both were seen before, in the run's work
        # or its events.
        self._seen: OrderedDict[str, tuple[str, str]] = OrderedDict()

    def showing(self) -> Sealing:
        """Return the same for a reader who shows to people what was erased."""
        return Sealing(self.keys, shows=True)

    def fact(self, meta: Any, fact: Fact) -> Fact:
        """Return a fact as it stands on the journal."""
        if not self.keys.any or not has_contents(type(fact)):
            return fact
        data_class = self._class_of(fact, meta.run_id)
        key = self.keys.current(meta.tenant_id, data_class)
        if key is None:
            return fact
        self._remember(meta.run_id, meta.tenant_id, data_class)
        return through(fact, _Seals(key, meta.run_id, type(fact)))

    def record(self, record: R, tenant_in: TenantIn) -> R:
        """Return a record as it stands on its topic."""
        if not self.keys.any or not has_contents(type(record)):
            return record
        if isinstance(record, DeadLetter):
            return self._letter(record, tenant_in)  # type: ignore[return-value]
        subject = getattr(record, "run_id", "")
        tenant = getattr(record, "tenant_id", None) or self.tenant_of(subject)
        if tenant is None:
            return record
        key = self.keys.current(tenant, self._class_of(record, subject))
        return record if key is None else through(record, _Seals(key, subject, type(record)))

    def opened(self, found: Any) -> Any:
        """Return a record or an event with its contents as they were said.

        What only looks sealed, because its key never was or seals other places, is left as it is.
        Raises KeysUnavailableError, and ShutError where it does not show what is gone.
        """
        try:
            if isinstance(found, Record):
                return self._opened(found, found)
            meta, fact = found.meta, found.fact
            plain = self._opened(fact, meta)
        except ShutError as error:
            error.found = found
            raise
        return found if plain is fact else type(found)(meta, plain)

    def kept(self, tenant: str, subject: str, kind: str, data: bytes) -> bytes:
        """Return bytes as a store beside the log is to keep them; the same where none are sealed.

        Raises KeysUnavailableError and ShutError.
        """
        key = self.keys.current(tenant) if self.keys.any else None
        return data if key is None else bytes_form(key.seal(place_of(tenant, subject, kind), data))

    def read(self, tenant: str, subject: str, kind: str, data: bytes) -> bytes:
        """Return what ``kept`` was given; raises KeysUnavailableError and ShutError."""
        blob = blob_of_bytes(data)
        key = None if blob is None else self.keys.find(blob[:KEY_ID_BYTES])
        if key is None or blob is None:
            return data
        if isinstance(key, Gone):
            raise _shut(key)
        plain = key.open(place_of(tenant, subject, kind), blob)
        return data if plain is None else plain

    def tenant_of(self, run_id: str) -> str | None:
        """Return the tenant of a run whose sealed contents were seen here, None of another."""
        return self._seen.get(run_id, (None, ""))[0]

    def _class_of(self, record: Record, run_id: str) -> str:
        """Return a run's data classification, as far as it was seen; empty where it was not."""
        said = getattr(getattr(record, "request", record), "data_classification", None)
        return self._seen.get(run_id, ("", ""))[1] if said is None else str(said.value)

    def _opened(self, record: R, named: Any) -> R:
        if not has_contents(type(record)):
            return record
        subject = _subject_of(named)
        hand = _Opens(self, subject, type(record), getattr(named, "tenant_id", None))
        opened = through(record, hand)
        if hand.key is not None and not isinstance(named, DeadLetter):
            self._remember(subject, hand.key.tenant, hand.key.data_class)
        return opened

    def gone(self, why: Gone) -> str:
        """Return what is shown for a text whose key is gone; raises ShutError where none is."""
        if self._shows:
            return ERASED if why is Gone.ERASED else SHUT
        raise _shut(why)

    def _letter(self, letter: DeadLetter, tenant_in: TenantIn) -> DeadLetter:
        tenant = tenant_in(letter.topic, letter.value or b"")
        if tenant is None:
            tenant = self.tenant_of((letter.key or b"").decode("utf-8", "replace"))
        try:
            key = self.keys.current(tenant) if tenant is not None else None
        except ShutError:
            return _withheld(letter)
        if key is not None:
            return through(letter, _Seals(key, _subject_of(letter), DeadLetter))
        # Whose it is cannot be told, and it may be a sealed tenant's: its place still holds it.
        return _withheld(letter) if tenant is None else letter

    def _remember(self, run_id: str, tenant: str, data_class: str) -> None:
        if run_id in self._seen:
            return
        self._seen[run_id] = tenant, data_class
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)


def _shut(why: Gone) -> ShutError:
    if why is Gone.ERASED:
        return ShutError("erased", "Its contents were erased: the tenant's key was destroyed.")
    reason = "The key of its contents is lost: restore the keys, and it can be read again."
    return ShutError("key_lost", reason)


def _withheld(letter: DeadLetter) -> DeadLetter:
    return letter.model_copy(update={"value": None, "headers": ()})


def _subject_of(named: Any) -> str:
    if isinstance(named, DeadLetter):
        return f"{named.topic}/{named.partition}/{named.offset}"
    return str(getattr(named, "run_id", ""))


def place_of(tenant: str, subject: str, kind: str) -> bytes:
    """Return what precedes the field's path in the additional data of a sealed value."""
    return f"{tenant}\0{subject}\0{kind}\0".encode()


class _Seals:
    def __init__(self, key: DataKey, subject: str, kind: type[Record]) -> None:
        self._seal, self._name = key.seal, key_name(key.id)
        self._place = place_of(key.tenant, subject, kind.__name__)

    def text(self, value: str, field: bytes) -> str:
        return text_form(self._seal(self._place + field, value.encode()))

    def data(self, value: bytes, field: bytes) -> bytes:
        return bytes_form(self._seal(self._place + field, value))

    def key_of(self, _content: Content) -> str | None:
        return self._name


class _Opens:
    def __init__(
        self, sealing: Sealing, subject: str, kind: type[Record], tenant: str | None
    ) -> None:
        self._sealing, self._subject, self._kind = sealing, subject, kind.__name__
        self._owner = tenant
        self.key: DataKey | None = None

    def text(self, value: str, field: bytes) -> str:
        blob = blob_of_text(value)
        found = None if blob is None else self._open(blob, field)
        if found is None:
            return value
        if isinstance(found, Gone):
            return self._sealing.gone(found)
        try:
            return found.decode()
        except UnicodeDecodeError:
            return value

    def data(self, value: bytes, field: bytes) -> bytes:
        blob = blob_of_bytes(value)
        found = None if blob is None else self._open(blob, field)
        if found is None:
            return value
        if isinstance(found, Gone):
            shown = self._sealing.gone(found)
            # Words stand for words; a digest, a key and the like are of nothing any more.
            return shown.encode() if field.endswith(b".inline") else b""
        return found

    def key_of(self, content: Content) -> str | None:
        blob = blob_of_bytes(content.digest)
        if blob is None or self._is_anothers(key_id := blob[:KEY_ID_BYTES]):
            return content.key_id
        found = self._sealing.keys.find(key_id)
        return content.key_id if found is None or isinstance(found, Gone) else None

    def _open(self, blob: bytes, field: bytes) -> bytes | Gone | None:
        # Before the key is asked for: words of one tenant can name a key of another, that may be
        # gone or slow to have.
        keys, key_id = self._sealing.keys, blob[:KEY_ID_BYTES]
        if self._is_anothers(key_id) or (key := keys.find(key_id)) is None:
            return None
        # The key may have been read on the way.
        if self._is_anothers(key_id):
            return None
        if isinstance(key, Gone):
            return key
        plain = key.open(place_of(key.tenant, self._subject, self._kind) + field, blob)
        if plain is not None:
            self.key = key
        return plain

    def _is_anothers(self, key_id: bytes) -> bool:
        owner = self._sealing.keys.owner(key_id) if self._owner is not None else None
        return owner is not None and owner != self._owner
