"""What ``--help`` says of a process: what it is, its options, its settings, how it ends."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from runfold.infra.process.exit_codes import ENDS
from runfold.infra.settings.errors import ConfigError
from runfold.infra.settings.table import VARIABLES
from runfold.infra.settings.variable import Variable

_ASKS = frozenset({"-h", "--help"})

_READS_AS: dict[str, frozenset[str]] = {
    "runfold-runs": frozenset({"run processor"}),
    "runfold-tools": frozenset({"tool pool", "pools"}),
    "runfold-models": frozenset({"model pool", "pools"}),
    "runfold-contexts": frozenset({"pools"}),
    "runfold-projector": frozenset({"projector"}),
    "runfold-monitor": frozenset({"monitor"}),
}
"""By which words the table of settings means each process; those for all it means anyway."""

_FOR_ALL = ("all", "all but `runfold`", "everything")


def is_asked(arguments: Sequence[str]) -> bool:
    """Return whether somebody wants to know instead of starting it."""
    return any(each in _ASKS for each in arguments)


def need_known(arguments: Sequence[str], options: Mapping[str, str]) -> None:
    """Raise ConfigError for an option that the process does not have."""
    for each in arguments:
        if each.startswith("-") and each not in options:
            known = ", ".join([*options, "--help"])
            raise ConfigError(f"There is no option {each}: this process knows {known}.")


def usage(name: str, about: str, options: Mapping[str, str]) -> str:
    """Return what ``--help`` prints of a process; ``about`` is the docstring of its module."""
    rows = [(option, meaning) for option, meaning in options.items()]
    rows.append(("-h, --help", "say this and end"))
    lines = [about.strip(), "", "options:", *_rows(rows)]
    lines += ["", "settings, as environment variables (docs/settings.md):"]
    lines += _rows([(one.name, _meaning(one)) for one in settings_of(name)])
    lines += ["", "exit codes (docs/exit-codes.md):"]
    lines += _rows([(f"{code:d}", f"{end.meaning} ({end.of})") for code, end in ENDS.items()])
    return "\n".join(lines) + "\n"


def settings_of(name: str) -> list[Variable[object]]:
    """Return the settings that a process reads, those of all processes among them."""
    mine = _READS_AS.get(name, frozenset())
    return [one for one in VARIABLES if _reads(one.readers, mine)]


def _reads(readers: str, mine: frozenset[str]) -> bool:
    return readers in _FOR_ALL or not mine.isdisjoint(each.strip() for each in readers.split(","))


def _meaning(one: Variable[object]) -> str:
    default = one.shown or (f"`{one.default}`" if one.default not in {"", None} else "none")
    return f"{one.meaning} (unless set: {default})"


def _rows(rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    for name, meaning in rows:
        yield f"  {name}"
        yield textwrap.fill(meaning, 88, initial_indent=" " * 6, subsequent_indent=" " * 6)
