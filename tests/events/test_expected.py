"""What is wrong with a value is said with its field, in nobody's programming language."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator

from runfold.events.expected import first_of, unexpected
from runfold.events.values import RunStatus

ROOT = Path(__file__).parents[2]


class Inner(BaseModel):
    """A part of what is asked for."""

    kind: Literal["a", "b"] = "a"


class Asked(BaseModel):
    """One field of each kind that an API has."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(default="x", min_length=2, max_length=3, pattern="^[a-z]+$")
    count: int = Field(default=1, ge=1, lt=10)
    price: Decimal = Field(default=Decimal(1), gt=0, max_digits=5)
    share: float = 0.5
    on: bool = True
    labels: dict[str, str] = Field(default_factory=dict, max_length=1)
    names: tuple[str, ...] = Field(default=(), max_length=1)
    inner: Inner = Inner()
    either: int | list[Annotated[int, Field(ge=1)]] = 1
    status: RunStatus = RunStatus.CREATED
    at: AwareDatetime | None = None
    spent: timedelta = timedelta(0)

    @field_validator("share")
    @classmethod
    def _share(cls, value: float) -> float:
        if value > 1:
            raise ValueError("a share is one at most")
        return value


class Needed(BaseModel):
    """What cannot be left out."""

    run_id: str


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"labels": "x"}, "labels must be an object with named fields"),
        ({"labels": ["x"]}, "labels must be an object with named fields"),
        ({"labels": {"a": 1}}, "labels.a must be text"),
        ({"labels": {"a": "1", "b": "2"}}, "labels must have 1 entries at most"),
        ({"names": "x"}, "names must be a list"),
        ({"inner": 5}, "inner must be an object with named fields"),
        ({"inner": {"kind": "c"}}, "inner.kind must be 'a' or 'b'"),
        ({"name": None}, "name must be text"),
        ({"name": "x"}, "name must have 2 characters or more"),
        ({"name": "X1"}, "name must have the form ^[a-z]+$"),
        ({"count": "many"}, "count must be a whole number"),
        ({"count": 1.5}, "count must be a whole number"),
        ({"count": 0}, "count must be 1 or more"),
        ({"count": 10}, "count must be less than 10"),
        ({"price": "free"}, "price must be a number"),
        ({"price": 0}, "price must be more than 0"),
        ({"price": "123456.1"}, "price must have 5 digits at most"),
        ({"share": "half"}, "share must be a number"),
        ({"share": 2.0}, "share is wrong: a share is one at most"),
        ({"on": "perhaps"}, "on must be true or false"),
        ({"either": "x"}, "either.int must be a whole number"),
        ({"at": "soon"}, "at must be a time, such as 2026-01-31T12:00:00Z"),
        ({"at": datetime(2026, 1, 1)}, "at must say its time zone, such as Z"),  # noqa: DTZ001
        ({"spent": "long"}, "spent must be a length of time"),
        ({"other": 1}, "other is no field here: leave it out"),
        ([], "it must be an object with named fields"),
    ],
)
def test_a_field_is_named_with_what_belongs_there(given: Any, said: str) -> None:
    with pytest.raises(ValidationError) as error:
        Asked.model_validate(given)
    assert first_of(error.value) == said
    for each in unexpected(error.value):
        assert not re.search(r"dictionary|Input|instance|valid ", each.sentence())


def test_what_is_missing_is_said() -> None:
    with pytest.raises(ValidationError) as error:
        Needed.model_validate({})
    assert first_of(error.value) == "run_id is missing"


def test_nobody_is_given_the_words_of_the_library() -> None:
    used = re.compile(r"""\[["']msg["']\]|\.error_count\(\)|\.errors\(""")
    rooms = "events infra processors producers projections stack surfaces src".split()  # noqa: SIM905
    found = {
        str(file.relative_to(ROOT))
        for room in rooms
        for file in (ROOT / room).rglob("*.py")
        if used.search(file.read_text("utf-8"))
    }
    assert found == {"events/expected.py"}
