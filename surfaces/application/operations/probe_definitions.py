"""The probe's definitions: versions follow from their content, so nobody's other content is run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from runfold.events.definitions import KIND_OF, Definition, Definitions, State
from runfold.events.probe import PROBE_AGENT, PROBE_TENANT
from runfold.surfaces.application.errors import UnavailableError

MANIFEST = Path(__file__).with_name("probe.yaml")
"""The agent, its tool and what a script says in its name; they are published for the tenant."""

PLACEHOLDER = "0.0.0"
"""What stands in the file wherever a version does."""

_TRIES = 100

Load = Callable[[list[Path], Definitions, str], Sequence[Definition]]
"""Reads and checks manifests against what is published, for a tenant."""


class ProbeError(UnavailableError):
    """No run completes; the message says which part it waits for, or what keeps it from trying."""


def version(text: str, attempt: int) -> str:
    """Return the version of the file's content; another ``attempt`` is another version of it."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"1.{int.from_bytes(digest[:4])}.{attempt}"


def wanted(load: Load, known: Definitions) -> tuple[str, list[Definition]]:
    """Return the first version that nothing stands in the way of, and what is declared under it.

    A version that is withdrawn, or that has other content, is passed over: both stay for good.
    Raises ProbeError where an alias hides a name, or no version is left.
    """
    text = MANIFEST.read_text()
    for attempt in range(_TRIES):
        made = version(text, attempt)
        with TemporaryDirectory() as folder:
            file = Path(folder, MANIFEST.name)
            file.write_text(text.replace(PLACEHOLDER, made))
            declared = list(load([file], known, PROBE_TENANT))
        for each in declared:
            _need_no_alias(known, each)
        if all(_is_free(known, each) or is_ours(known, each) for each in declared):
            return made, declared
    raise ProbeError(
        f"No probe is made: {_TRIES} versions of {PROBE_AGENT} are withdrawn, or have other "
        "content than Runfold's; see who may write to the topic registry."
    )


def is_ours(known: Definitions, definition: Definition) -> bool:
    """Return whether a reference to this version stands for this content, in force."""
    kind = KIND_OF[type(definition)]
    found = known.version(kind, definition.name, definition.version, PROBE_TENANT)
    if found is None or found.definition.digest() != definition.digest():
        return False
    ruling = known.ruling(kind, found)
    return ruling is None or ruling.state is State.ACTIVE


def _is_free(known: Definitions, definition: Definition) -> bool:
    kind = KIND_OF[type(definition)]
    return known.version(kind, definition.name, definition.version, PROBE_TENANT) is None


def _need_no_alias(known: Definitions, definition: Definition) -> None:
    kind, name = KIND_OF[type(definition)], definition.name
    # The shared one first: where there is none, what is found is the tenant's own.
    for tenant, option in ((None, ""), (PROBE_TENANT, f" --tenant {PROBE_TENANT}")):
        if target := known.alias(kind, name, tenant):
            raise ProbeError(
                f"No probe is made: {name} is an alias of {target}, which would be run instead; "
                f"`runfold definitions alias {kind}/{name}{option}` removes it."
            )
