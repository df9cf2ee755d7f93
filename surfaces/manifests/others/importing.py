"""From files of other products to manifests as text: nothing is run, nothing else is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from runfold.infra.documents import MAX_FILE_BYTES, Document, Remark
from runfold.surfaces.manifests.files import SUFFIXES, read
from runfold.surfaces.manifests.others.agent_spec import is_agent_spec, read_agent_spec
from runfold.surfaces.manifests.others.cagent import is_cagent, read_cagent
from runfold.surfaces.manifests.others.crewai import is_crew, read_crew
from runfold.surfaces.manifests.others.made import Made, slug
from runfold.surfaces.manifests.problems import InvalidManifestsError, UnacceptedRemarksError

_INSTRUCTIONS = "AGENTS.md"
_WANTED = {*SUFFIXES, ".json"}
_NOT_OURS = frozenset({"node_modules", "__pycache__"})
_MOST_FILES = 1_000
_MANIFEST = "it is a manifest already: runfold apply reads it as it is"
_UNKNOWN = (
    "it is nothing that is read here: agents or tasks of CrewAI, an Agent of Agent Spec, a "
    f"configuration of cagent, or {_INSTRUCTIONS}"
)

_READERS: tuple[
    tuple[Callable[[dict[str, Any]], bool], Callable[[Document], tuple[list[Made], list[Remark]]]],
    ...,
] = ((is_agent_spec, read_agent_spec), (is_cagent, read_cagent), (is_crew, read_crew))


@dataclass(frozen=True, slots=True)
class Imported:
    """Manifests as YAML, by the names of their files, and what is not carried over."""

    manifests: dict[str, str]
    remarks: tuple[Remark, ...]


def imported(paths: Iterable[Path], *, accept_remarks: bool = False) -> Imported:
    """Return the manifests of what the files declare; what is not carried over is told in them.

    Raises InvalidManifestsError with every fault, UnacceptedRemarksError where something that was
    to protect somebody would be lost without consent.
    """
    made: list[Made] = []
    told: list[Remark] = []
    problems: list[Remark] = []
    for document in _documents(paths):
        found, beside = _read(document)
        made += found
        told += [*beside, *(remark for each in found for remark in each.told)]
        problems += document.problems
    problems += _twice(made)
    if problems:
        raise InvalidManifestsError(problems)
    if not accept_remarks and (needing := [each for each in told if each.consent]):
        raise UnacceptedRemarksError(needing)
    return Imported({f"{slug(each.name)}.yaml": _text(each) for each in made}, tuple(told))


def _documents(paths: Iterable[Path]) -> Iterator[Document]:
    for path in paths:
        for each in _within(path) if path.is_dir() else [path]:
            if isinstance(each, Document):
                yield each
            elif each.name == _INSTRUCTIONS:
                yield _instructions(each)
            else:
                yield from read([each])


def _within(folder: Path) -> Sequence[Path | Document]:
    """Return the files of a folder that may be read; links that lead out of it are refused."""
    root = folder.resolve()
    found: list[Path | Document] = []
    for each in sorted(folder.rglob("*")):
        inside = each.relative_to(folder).parts[:-1]
        wanted = each.suffix in _WANTED or each.name == _INSTRUCTIONS
        if not wanted or any(part in _NOT_OURS or part.startswith(".") for part in inside):
            continue
        if not each.resolve().is_relative_to(root):
            found.append(_refused(each, "it leads out of the folder: copy what it names"))
        elif each.is_file():
            found.append(each)
    if len(found) > _MOST_FILES:
        return [_refused(folder, f"more than {_MOST_FILES} files: import parts of it")]
    return found or [_refused(folder, "nothing in this folder can be read")]


def _refused(path: Path, sentence: str) -> Document:
    return Document(str(path), problems=[Remark(str(path), 1, "", sentence)])


def _instructions(path: Path) -> Document:
    """Return AGENTS.md as a document with its text; it has no other fields."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        text = data.decode("utf-8").strip()
    except OSError as fault:
        return _refused(path, f"cannot be read: {fault.strerror or fault}")
    except UnicodeDecodeError:
        return _refused(path, "not UTF-8 text: save it as UTF-8")
    if len(data) > MAX_FILE_BYTES or not text:
        return _refused(path, f"empty, or larger than {MAX_FILE_BYTES} bytes")
    return Document(str(path), data={_INSTRUCTIONS: text})


def _read(document: Document) -> tuple[list[Made], list[Remark]]:
    data = document.data
    if document.problems or data is None:
        return [], []
    if isinstance(data, dict) and set(data) == {_INSTRUCTIONS}:
        name = Path(document.file).resolve().parent.name
        made = Made(document, (), data, name, {"role": data[_INSTRUCTIONS]})
        return [made], []
    if isinstance(data, dict) and isinstance(data.get("apiVersion"), str):
        document.refuse(("apiVersion",), _MANIFEST)
        return [], []
    for fits, reads in _READERS:
        if isinstance(data, dict) and fits(data):
            return reads(document)
    document.refuse((), _UNKNOWN)
    return [], []


def _twice(made: Iterable[Made]) -> Iterator[Remark]:
    seen: dict[str, Made] = {}
    for each in made:
        first = seen.setdefault(slug(each.name), each)
        if first is not each:
            sentence = f"another agent is called {slug(each.name)} too, in {first.of.file}"
            yield each.of.remark(each.at, sentence)


def _text(made: Made) -> str:
    """Return a manifest as YAML, with what is not carried over as comments at its head."""
    name = Path(made.of.file).name
    lines = [f"# Imported from {_line(name)}. What is not carried over:" if made.told else ""]
    lines += [f"# - {_line(f'{each.field}: {each.message}')}" for each in made.told]
    body = yaml.safe_dump(made.manifest(), sort_keys=False, allow_unicode=True, width=100)
    return "\n".join([*(each for each in lines if each), body])


def _line(text: str) -> str:
    """Return a text as one line: a comment that went on in the next line would be YAML."""
    return "".join(each if each.isprintable() else " " for each in text)[:300]
