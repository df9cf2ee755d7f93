"""What a value should have been, in plain words: of what pydantic found wrong.

Its own messages speak of Python ("a valid dictionary"), and quote what they were given. These name
the field and what belongs there, and nothing of the value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

Place = tuple[int | str, ...]

_OBJECT = "must be an object with named fields"
_LIST = "must be a list"
_TEXT = "must be text"
_WHOLE = "must be a whole number"
_NUMBER = "must be a number"
_TIME = "must be a time, such as 2026-01-31T12:00:00Z"
_SPAN = "must be a length of time"

_SAID: dict[str, str] = {
    "missing": "is missing",
    "extra_forbidden": "is no field here: leave it out",
    "none_required": "must be null, or left out",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "bytes_type": "must be bytes",
    "dict_type": _OBJECT,
    "mapping_type": _OBJECT,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "dataclass_type": _OBJECT,
    "list_type": _LIST,
    "tuple_type": _LIST,
    "set_type": _LIST,
    "frozen_set_type": _LIST,
    "iterable_type": _LIST,
    "too_short": "must have {min_length} entries or more",
    "too_long": "must have {max_length} entries at most",
    "string_type": _TEXT,
    "string_unicode": "must be text in UTF-8",
    "string_too_short": "must have {min_length} characters or more",
    "string_too_long": "must have {max_length} characters at most",
    "string_pattern_mismatch": "must have the form {pattern}",
    "bytes_too_short": "must have {min_length} bytes or more",
    "bytes_too_long": "must have {max_length} bytes at most",
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": "must be a whole number that is not as large",
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "decimal_type": _NUMBER,
    "decimal_parsing": _NUMBER,
    "decimal_max_digits": "must have {max_digits} digits at most",
    "decimal_max_places": "must have {decimal_places} digits at most after the point",
    "decimal_whole_digits": "must have {whole_digits} digits at most before the point",
    "finite_number": "must be a number that is not infinite",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be {le} or less",
    "multiple_of": "must be a multiple of {multiple_of}",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "union_tag_invalid": "must be of one of the kinds {expected_tags}",
    "union_tag_not_found": "must say its kind in {discriminator}",
    "datetime_type": _TIME,
    "datetime_parsing": _TIME,
    "datetime_from_date_parsing": _TIME,
    "datetime_object_invalid": _TIME,
    "timezone_aware": "must say its time zone, such as Z",
    "date_type": "must be a date, such as 2026-01-31",
    "date_parsing": "must be a date, such as 2026-01-31",
    "date_from_datetime_parsing": "must be a date, such as 2026-01-31",
    "time_delta_type": _SPAN,
    "time_delta_parsing": _SPAN,
    "url_type": "must be an address, such as https://host/path",
    "url_parsing": "must be an address, such as https://host/path",
    "url_scheme": "must be an address that begins with {expected_schemes}",
    "uuid_type": "must be a UUID",
    "uuid_parsing": "must be a UUID",
    "is_instance_of": "is of another kind than belongs here",
    "json_type": "must be JSON",
    "json_invalid": "must be JSON",
    "recursion_loop": "must not contain itself",
    "unexpected_keyword_argument": "is no field here: leave it out",
    "missing_argument": "is missing",
    "missing_keyword_only_argument": "is missing",
}
"""By pydantic's type of error; its context is at hand in braces."""

_OWN = re.compile(r"^(?:Value error|Assertion failed), ")
_LONGEST = 300


class Unexpected(NamedTuple):
    """What is wrong at one place, as the end of a sentence that begins with the place."""

    place: Place
    text: str

    def sentence(self, whole: str = "it") -> str:
        """Return it with its place in dots; ``whole`` is what the value is called itself."""
        return f"{'.'.join(map(str, self.place)) or whole} {self.text}"


def unexpected(error: ValidationError) -> list[Unexpected]:
    """Return all that is wrong with a value, in pydantic's order."""
    found = error.errors(include_url=False, include_input=False)
    return [Unexpected(_place(each["loc"]), _text(each)) for each in found]


def first_of(error: ValidationError, whole: str = "it") -> str:
    """Return the first that is wrong with a value, with its place: without a full stop."""
    return unexpected(error)[0].sentence(whole)


def _text(error: ErrorDetails) -> str:
    context: dict[str, Any] = error.get("ctx", {})
    template = _SAID.get(error["type"])
    try:
        text = template.format_map(context) if template else _own(error["msg"])
    except (KeyError, ValueError):
        text = _own(error["msg"])
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _own(message: str) -> str:
    """Return the words of a check of our own; of what pydantic may add one day, its own."""
    said = _OWN.sub("", message)
    if said != message:
        return f"is wrong: {said}"
    return f"is not what belongs here: {said.replace('Input should', 'it should')}"


def _place(parts: Place) -> Place:
    """Return a place without pydantic's own names, such as that of a check or of a choice."""
    return tuple(part for part in parts if isinstance(part, int) or not set(part) & set("[("))
