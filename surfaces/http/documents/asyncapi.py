"""docs/asyncapi.json: an AsyncAPI 3 document of every topic, made from the catalogue.

The payloads are the Avro schemas of the newest version of each subject, as they are committed.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import cache
from typing import Any

from runfold.events.avro.files import Entry, SchemaFolder
from runfold.events.avro.schema import full_name, subject
from runfold.events.base import Record
from runfold.events.catalogue import CATALOGUE
from runfold.events.topics import TOPICS, Topic
from runfold.surfaces.docs.traffic import TRAFFIC
from runfold.surfaces.http.documents.lines import lined

VERSION = "2026-12-01"
"""The version of the document: it changes with what an older reader could not understand."""

_FORMAT = "application/vnd.apache.avro;version=1.9.0"
_KAFKA = "0.5.0"

_HEADERS = {
    "type": "object",
    "description": "CloudEvents in binary mode; only those of Runfold's own processes have them.",
    "properties": {
        "ce_id": {"type": "string", "description": "The id of the record."},
        "ce_type": {"type": "string", "description": "The record's name, such as the message's."},
        "ce_source": {"type": "string", "description": "The program that wrote it."},
        "ce_time": {"type": "string", "format": "date-time"},
        "ce_subject": {"type": "string", "description": "The run: the record's key."},
        "traceparent": {"type": "string", "description": "The W3C trace that it belongs to."},
    },
}


def document() -> dict[str, Any]:
    """Return the document; equal code gives equal documents."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Runfold",
            "version": VERSION,
            "description": "Every topic of Runfold, with the Avro schema of each record on it. A "
            "value is the byte 0, the id of its schema in four bytes (big endian), then Avro "
            "binary. Read with isolation.level=read_committed.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/vnd.apache.avro",
        "servers": {
            "kafka": {
                "host": "{brokers}",
                "protocol": "kafka",
                "description": "The brokers of the deployment.",
                "variables": {"brokers": {"default": "127.0.0.1:9092"}},
            }
        },
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": dict(_operations()),
        "components": {"messages": dict(_messages())},
    }


def text() -> str:
    """Return the document as it is committed and served."""
    return lined(document())


def _channel(topic: Topic) -> dict[str, Any]:
    traffic = TRAFFIC[topic.name]
    kept = topic.config["cleanup.policy"]
    known = {"cleanup.policy": [kept], "max.message.bytes": int(topic.config["max.message.bytes"])}
    for name in ("retention.ms", "retention.bytes", "delete.retention.ms"):
        if name in topic.config:
            known[name] = int(topic.config[name])
    return {
        "address": topic.name,
        "title": topic.purpose,
        "description": f"Key: {traffic.key}. Written by: {traffic.writers}. Read by: "
        f"{traffic.readers}. With RUNFOLD_DEPLOYMENT set, its name and a dot stand before the "
        "address.",
        "servers": [{"$ref": "#/servers/kafka"}],
        "messages": {
            record.__name__: {"$ref": f"#/components/messages/{_id(topic.name, record)}"}
            for record in CATALOGUE[topic.name]
        },
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "topicConfiguration": known,
                "bindingVersion": _KAFKA,
            }
        },
    }


def _operations() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what an application may do: write what it asks, read everything."""
    for topic in TOPICS:
        traffic = TRAFFIC[topic.name]
        if "clients" in traffic.writers:
            yield f"send.{topic.name}", _operation("send", topic)
        yield f"receive.{topic.name}", _operation("receive", topic)


def _operation(action: str, topic: Topic) -> dict[str, Any]:
    channel = f"#/channels/{topic.name}"
    return {
        "action": action,
        "channel": {"$ref": channel},
        "summary": f"{'Write' if action == 'send' else 'Read'} {topic.purpose}",
        "messages": [
            {"$ref": f"{channel}/messages/{record.__name__}"} for record in CATALOGUE[topic.name]
        ],
    }


def _messages() -> Iterator[tuple[str, dict[str, Any]]]:
    for topic, records in CATALOGUE.items():
        for record in records:
            yield _id(topic, record), _message(topic, record)


def _message(topic: str, record: type[Record]) -> dict[str, Any]:
    entry = _newest()[subject(topic, record)]
    return {
        "name": full_name(record),
        "title": record.__name__,
        "summary": " ".join(inspect.cleandoc(record.__doc__ or "").partition("\n\n")[0].split()),
        "contentType": "application/vnd.apache.avro",
        "headers": _HEADERS,
        "payload": {"schemaFormat": _FORMAT, "schema": SchemaFolder().schema(entry)},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": f"As text: {TRAFFIC[topic].key}."},
                "schemaIdLocation": "payload",
                "schemaIdPayloadEncoding": "confluent",
                "bindingVersion": _KAFKA,
            }
        },
        "x-runfold-subject": entry.subject,
        "x-runfold-version": entry.version,
    }


@cache
def _newest() -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for entry in SchemaFolder().entries():
        if entry.subject not in found or found[entry.subject].version < entry.version:
            found[entry.subject] = entry
    return found


def _id(topic: str, record: type[Record]) -> str:
    return f"{topic}-{record.__name__}"
