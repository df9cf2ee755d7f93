"""Records to bytes and back: 0x00, the schema's id in four bytes, then Avro.

Any consumer that speaks the Confluent wire format reads it.
"""

from __future__ import annotations

import json
from functools import cache

from runfold.events import topics
from runfold.events.avro.beyond import beyond
from runfold.events.avro.compiled.readers import HEAD, Decoded, Reader, reader_for
from runfold.events.avro.compiled.writers import Writer, writer_for
from runfold.events.avro.peek import Peek, Peeker
from runfold.events.avro.registry import SchemaRegistry
from runfold.events.avro.schema import full_name, full_name_in, pretty, schema_for, subject
from runfold.events.avro.vocabulary import RUNS, Vocabulary
from runfold.events.base import Fact, Record
from runfold.events.errors import RegistryError, WireError
from runfold.events.sealing.form import MARK_BYTES
from runfold.events.sealing.sealing import Sealing


class Codec:
    """Writes and reads the records of every topic; one registry says which schema has which id."""

    def __init__(
        self,
        registry: SchemaRegistry,
        vocabulary: Vocabulary = RUNS,
        sealing: Sealing | None = None,
    ) -> None:
        self.registry = self._registry = registry
        self.sealing = sealing
        self._vocabulary = vocabulary
        self._journal = vocabulary.journal
        self._writers: dict[tuple[str, type[Record]], tuple[bytes, Writer]] = {}
        self._readers: dict[tuple[str, bytes], Reader] = {}
        self._beyond: dict[bytes, str] = {}
        self._peeker = Peeker(registry)

    def of(self, vocabulary: Vocabulary) -> Codec:
        """Return a codec of other records, with the same schemas and keys."""
        return Codec(self._registry, vocabulary, self.sealing)

    def encode(self, topic: str, record: Record) -> bytes:
        """Return a record's value on a topic; raises WireError if the topic carries no such record.

        SchemaError says that the registry does not hold its schema.
        """
        if isinstance(record, Fact):
            raise WireError("wrong_topic", "A fact needs its meta: use encode_event.")
        if self.sealing is not None and topic != topics.REGISTRY:
            record = self.sealing.record(record, self.tenant_in)
        prefix, write = self._writer(topic, type(record))
        return prefix + write(record)

    def encode_event(self, meta: Record, fact: Fact) -> bytes:
        """Return an event's value on the journal."""
        if self.sealing is not None:
            fact = self.sealing.fact(meta, fact)
        prefix, write = self._writer(self._journal, type(fact))
        return b"".join((prefix, writer_for(type(meta))(meta), write(fact)))

    def encode_completion(self, meta: Record, fact: Fact) -> bytes:
        """Return a terminal event's value on the completions topic."""
        topic = self._vocabulary.completions
        if topic is None:
            raise WireError(
                "wrong_topic", f"Nothing lists the end that {type(fact).__name__} says."
            )
        if self.sealing is not None:
            fact = self.sealing.fact(meta, fact)
        prefix, write = self._writer(topic, type(fact))
        return b"".join((prefix, writer_for(type(meta))(meta), write(fact)))

    def peek(self, value: bytes) -> Peek | None:
        """Return the beginning of a journal value, None if it is no event; raises WireError."""
        return self._peeker.peek(value)

    def decode(self, topic: str, value: bytes | None) -> Decoded:
        """Return what a value says; raises WireError, and nothing else, for what is no record.

        A registry that must be asked and does not answer raises RegistryError, as does a key
        that cannot be had just now: the value may be sound, so it is to be read again.
        """
        if value is None or len(value) < HEAD or value[0] != 0:
            raise WireError("not_framed", "The value does not begin with 0x00 and a schema id.")
        allowed = (
            topics.MAX_INPUT_BYTES if topic in self._vocabulary.inputs else topics.MAX_RECORD_BYTES
        )
        if len(value) > allowed:
            raise WireError("oversized", f"{len(value)} bytes; {topic} takes {allowed} at most.")
        found = self._reader(topic, value[:HEAD])(value)
        # The mark is looked for first, so that what nobody sealed costs nothing.
        if self.sealing is None or MARK_BYTES not in value or topic == topics.REGISTRY:
            return found
        opened: Decoded = self.sealing.opened(found)
        return opened

    def beyond(self, value: bytes) -> str:
        """Return what the schema of a journal value says that this release does not know.

        That is "" nearly always: where ids come from the committed lock, such a schema has none.
        ``decode`` leaves it out, as Avro does.
        """
        head = value[:HEAD]
        known = self._beyond.get(head)
        if known is None:
            written = json.loads(self._registry.schema_of(int.from_bytes(head[1:], "big")))
            names = {full_name(each): each for each in self._vocabulary.records[self._journal]}
            record = names.get(full_name_in(written))
            lacking = beyond(written, schema_for(record)) if record else []
            known = self._beyond[head] = ", ".join(lacking)
        return known

    def knows(self, topic: str, value: bytes) -> bool:
        """Return whether a topic carries records of the schema that a value, or its beginning, has.

        Raises RegistryError as ``decode`` does.
        """
        if len(value) < HEAD or value[0] != 0:
            return False
        try:
            self._reader(topic, value[:HEAD])
        except WireError:
            return False
        return True

    def tenant_in(self, topic: str, value: bytes) -> str | None:
        """Return whose a value is, as it says or as its run was seen before; None for neither."""
        try:
            found = self._reader(topic, value[:HEAD])(value)
        except (WireError, RegistryError):
            return None
        named = found if isinstance(found, Record) else found.meta
        tenant = getattr(named, "tenant_id", None)
        if tenant is None and self.sealing is not None:
            tenant = self.sealing.tenant_of(getattr(named, "run_id", ""))
        return tenant

    def _reader(self, topic: str, head: bytes) -> Reader:
        read = self._readers.get((topic, head))
        if read is None:
            schema = self._registry.schema_of(int.from_bytes(head[1:], "big"))
            read = self._readers[topic, head] = reader_for(topic, schema, self._vocabulary)
        return read

    def _writer(self, topic: str, record: type[Record]) -> tuple[bytes, Writer]:
        known = self._writers.get((topic, record))
        if known is None:
            if record not in self._vocabulary.records.get(topic, ()):
                raise WireError("wrong_topic", f"{topic} carries no {record.__name__}.")
            schema_id = self._registry.id_of(subject(topic, record), _schema_text(record))
            known = (b"\0" + schema_id.to_bytes(4, "big"), writer_for(record))
            self._writers[topic, record] = known
        return known


@cache
def _schema_text(record: type[Record]) -> str:
    return pretty(schema_for(record))
