"""What ``--help`` says of a process: what it is, its options, its settings, how it ends."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from runfold.infra.process.exit_codes import ENDS, End, ExitCode
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
    "runfold-gateway": frozenset({"gateway"}),
}
"""By which words the table of settings means each process; those for all it means anyway."""

_OTEL = "OTEL_"
_WIDTH = 88

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
    command, said = _about(about, name)
    rows = [*options.items(), ("-h, --help", "say this and end")]
    lines = [" ".join(["usage:", command, *(f"[{option}]" for option in options), "[--help]"])]
    lines += ["", said, "", "options:", *_rows(rows)]
    own = own_settings_of(name)
    if own:
        lines += ["", "settings of its own, as environment variables:"]
        lines += _rows([(one.name, _meaning(one)) for one in own])
    lines += ["", _filled(f"settings that it shares (docs/settings.md): {_shared(name, own)}", 2)]
    lines += ["", "exit codes (docs/exit-codes.md):"]
    lines += [f"  {code:>2}  {end.meaning}" for code, end in ends_of(name).items()]
    # A terminal shows no mark-up.
    return "\n".join(lines).replace("`", "") + "\n"


def ends_of(name: str) -> dict[ExitCode, End]:
    """Return the exit codes that a process can have."""
    mine = _READS_AS.get(name, frozenset())
    return {code: end for code, end in ENDS.items() if _reads(end.of, mine)}


def own_settings_of(name: str) -> list[Variable[object]]:
    """Return the settings that a process reads and not every process does."""
    return [one for one in settings_of(name) if one.readers not in _FOR_ALL]


def _shared(name: str, own: Sequence[Variable[object]]) -> str:
    """Return the names of the rest, those of OpenTelemetry as one."""
    rest = [one.name for one in settings_of(name) if one not in own]
    families = {f"{_OTEL}*" if each.startswith(_OTEL) else each for each in rest}
    return ", ".join(sorted(families))


def _about(docstring: str, name: str) -> tuple[str, str]:
    """Return a process's command and what its module says of it, without mark-up."""
    plain = docstring.strip()
    command, colon, said = plain.partition(": ")
    command = command.replace("`", "")
    if not colon or not command.startswith("python -m "):
        return name, plain
    # What is said of options and exit codes stands below, for each.
    first, *more = said.split("\n\n")
    return command, "\n\n".join([first[:1].upper() + first[1:], *more])


def _filled(text: str, indent: int) -> str:
    return textwrap.fill(text, _WIDTH, subsequent_indent=" " * indent, break_on_hyphens=False)


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
        yield textwrap.fill(meaning, _WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)
