"""Each field that holds text or bytes is declared: contents beside the field, or a name, below."""

from __future__ import annotations

from pathlib import Path

import pytest

from runfold.events.avro.shapes import Array, Nullable, Primitive, Shape, Structure, fields_of
from runfold.events.avro.vocabulary import RUNS
from runfold.events.base import Record, Said
from runfold.events.contents.content import Content
from runfold.events.sealing.records import has_contents

PLAIN = Path(__file__).parent / "plain_fields.txt"
"""The fields that were judged to hold no contents: names, ids, codes, texts of the operator."""


def fields(*records: type[Record]) -> dict[str, bool]:
    """Every field of text or bytes within records, and whether it is declared to be contents."""
    found: dict[str, bool] = {}
    seen: set[type[Record]] = set()

    def shape(where: str, of: Shape) -> None:
        match of:
            case Primitive("string" | "bytes", said=said):
                found[where] = said
            case Nullable(inner) | Array(inner):
                shape(where, inner)
            case Structure(record):
                walk(record)

    def walk(record: type[Record]) -> None:
        if record not in seen:
            seen.add(record)
            for field in fields_of(record):
                shape(f"{record.__name__}.{field.name}", field.shape)

    for each in records:
        walk(each)
    return found


def undeclared(*records: type[Record]) -> list[str]:
    listed = set(PLAIN.read_text().split())
    return sorted(
        name for name, said in fields(*records).items() if not said and name not in listed
    )


EVERY = tuple({record for records in RUNS.records.values() for record in records})


def test_every_field_of_every_record_is_declared() -> None:
    assert undeclared(*EVERY) == [], (
        "Say what these hold: `Said` or `SaidBytes` in the class where it is contents, a line in "
        f"{PLAIN.name} where it is a name, an id or a code."
    )


def test_no_line_is_of_a_field_that_is_gone_or_is_contents() -> None:
    known = fields(*EVERY)
    lines = PLAIN.read_text().split()

    assert [line for line in lines if known.get(line, True)] == []
    assert lines == sorted(lines)


def test_a_new_field_must_be_declared() -> None:
    class Remark(Record):
        by: str
        words: Said

    assert undeclared(Remark) == ["Remark.by"]
    assert has_contents(Remark)


@pytest.mark.parametrize("field", ["digest", "inline"])
def test_a_content_and_its_digest_are_contents(field: str) -> None:
    assert fields(Content)[f"Content.{field}"]
