"""The table of rights in docs/secured.md, made from the rights that the preflight asks for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from runfold.infra.kafka.rights import CLI, PREPARE, PROGRAMS, Program, Right

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "secured.md"
_BEGIN = "<!-- the table of rights: made by `make docs` from infra/kafka/rights.py -->\n"
_END = "<!-- end of the table -->"
_COLUMNS = {
    "topics: `READ`": ("topic", "READ"),
    "topics: `WRITE`": ("topic", "WRITE"),
    "topics: `DESCRIBE_CONFIGS`": ("topic", "DESCRIBE_CONFIGS"),
    "groups: `READ`": ("group", "READ"),
    "transactional ids: `WRITE`": ("transactional-id", "WRITE"),
}


def page() -> str:
    """Return the page with its table as the code says it."""
    before, _, rest = _PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}" + "\n".join(_table()) + f"\n{_END}{after}"


def _table() -> Iterator[str]:
    yield f"| process | {' | '.join(_COLUMNS)} |"
    yield "|---" * (len(_COLUMNS) + 1) + "|"
    for name, program in PROGRAMS.items():
        if name != PREPARE:
            yield f"| {_called(name, program)} | " + " | ".join(_cells(program)) + " |"


def _called(name: str, program: Program) -> str:
    return "`runfold`" if name == CLI else program.called.removeprefix("the ")


def _cells(program: Program) -> Iterator[str]:
    for kind, operation in _COLUMNS.values():
        found = [r for r in program.rights if r.kind == kind and r.operation == operation]
        yield ", ".join(dict.fromkeys(_named(right) for right in found)) or "-"


def _named(right: Right) -> str:
    return f"`{right.name}*`" if right.prefixed else f"`{right.name}`"
