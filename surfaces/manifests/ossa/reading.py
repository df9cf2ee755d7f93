"""OSSA manifests: what a published schema accepts is accepted, and what is not honoured is told.

A document is brought to the form that ``schema/agent.json`` describes: other words for the same
thing are replaced, what has no meaning here is taken out, what is missing is said. Each change is
a remark; ``extensions.runfold`` is never touched, and its faults are refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from runfold.infra.documents import Document
from runfold.surfaces.manifests.faults import Fault, faults_of
from runfold.surfaces.manifests.ossa import published
from runfold.surfaces.manifests.ossa.places import take_out, value_at
from runfold.surfaces.manifests.ossa.safety import not_honoured
from runfold.surfaces.manifests.ossa.tools import name_tools
from runfold.surfaces.manifests.ossa.words import name_it, say_in_our_words, say_the_rest
from runfold.surfaces.manifests.problems import Remark, did_you_mean, looks_mistyped

LATER = ("Flow", "Task", "Workflow")
"""Kinds of OSSA that are read, and run by nothing yet."""

_OWN = ("extensions", "runfold")
_SAID_LATER = {("required", ()), ("required", ("spec",)), ("anyOf", ("spec",))}
_ROUNDS = 20


def is_ossa(data: dict[str, Any]) -> bool:
    """Return whether a document says that it is OSSA."""
    said = data.get("apiVersion")
    return isinstance(said, str) and said.startswith("ossa/")


def read_ossa(document: Document, schema: dict[str, Any]) -> list[Remark]:
    """Bring a document to the form of ``schema``, and return what its author should know.

    What no published schema of its version accepts must fit ``schema`` as it stands. Faults are
    noted in the document; one of a kind that is not run has no data afterwards.
    """
    data = document.data
    version, kind = published.version_of(data), data.get("kind")
    if version is None:
        read = ", ".join(published.SCHEMAS)
        sentence = f'"{str(data["apiVersion"])[:40]}": OSSA is read in the versions {read}'
        document.refuse(("apiVersion",), sentence)
    elif kind not in {"Agent", *LATER}:
        near = did_you_mean(str(kind), ("Agent", *LATER))
        document.refuse(("kind",), f"a kind of OSSA is Agent, {', '.join(LATER)}.{near}")
    elif not published.accepted(data):
        _refuse(document, schema)
    elif kind in LATER:
        document.data = None
        sentence = f"not honoured: a {kind} is not run yet, and nothing is published of it"
        return [document.remark(("kind",), sentence)]
    else:
        return _honoured(document, schema, version)
    return []


def _refuse(document: Document, schema: dict[str, Any]) -> None:
    """Note what is wrong with a document that OSSA does not accept, unless we do."""
    agent = document.data["kind"] == "Agent"
    faults = list(faults_of(schema, document.data)) if agent else []
    for fault in faults:
        document.refuse(fault.path, fault.sentence)
    if faults or not agent:
        version = published.version_of(document.data)
        why = published.first_fault(document.data)
        document.refuse((), f"the published schema of OSSA {version} does not accept it: {why}")


def _honoured(document: Document, schema: dict[str, Any], version: str) -> list[Remark]:
    data = document.data
    if not isinstance(data.get("spec"), dict):
        data["spec"] = {}
    types = schema["properties"]["spec"]["properties"]["tools"]["items"]["properties"]["type"]
    told = [
        *name_it(document),
        *say_in_our_words(document),
        *name_tools(document, frozenset(types["enum"])),
    ]
    for _ in range(_ROUNDS):
        faults = [each for each in faults_of(schema, data) if not _is_said_later(each)]
        if document.problems or not faults:
            break
        told += _taken_out(document, faults, version)
    else:
        document.refuse((), "it cannot be read: remove what is not OSSA from it")
    return told if document.problems else [*told, *say_the_rest(document)]


def _is_said_later(fault: Fault) -> bool:
    return (fault.rule, fault.path) in _SAID_LATER


def _taken_out(document: Document, faults: Iterable[Fault], version: str) -> list[Remark]:
    """Take out what does not fit, and return a remark on each; refuse what is Runfold's own."""
    told: list[Remark] = []
    gone = []
    for fault in faults:
        if fault.path[:2] == _OWN or not fault.path:
            document.refuse(fault.path, fault.sentence)
            continue
        value = value_at(document.data, fault.path)
        sentence, mistyped = fault.sentence, False
        if fault.rule == "additionalProperties":
            known = str(fault.path[-1]) in published.fields_of(version)
            mistyped = not known and looks_mistyped(sentence, str(fault.path[-1]))
            sentence = fault.sentence if mistyped else "it means nothing here"
        told += not_honoured(document, fault.path, value, sentence, consent=mistyped)
        gone.append(fault.path)
    take_out(document, gone)
    return told
