"""A tool manifest as a contract, on top of what it is built on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from runfold.events.definitions import ToolContract
from runfold.events.definitions.contradictions import contradictions
from runfold.events.definitions.tool import RISKS, UNDECLARED, level_of
from runfold.events.expected import unexpected
from runfold.events.json_schema import problems_of
from runfold.infra.documents import Document, FieldPath
from runfold.infra.settings.declared import variables
from runfold.processors.model.vendor_schemas import refused_by_vendors
from runfold.processors.run.policy.cedar.checking import contract_faults
from runfold.processors.tool.python.names import refusal_of
from runfold.surfaces.manifests.problems import Remark
from runfold.surfaces.manifests.settings import missing_setting
from runfold.surfaces.manifests.substitute import Substitution


class UnusableBaseError(Exception):
    """What a tool is built on is there, but broken; the text says how."""


BaseOf = Callable[[str], ToolContract | None]
"""Returns the contract behind ``builtin:<name>`` or ``python:<module>:<function>``, if any."""


def lower_tool(
    document: Document, env: Mapping[str, str], base_of: BaseOf
) -> tuple[ToolContract | None, list[Remark]]:
    """Return the contract that a checked document declares, and what to tell its author."""
    metadata, spec = document.data["metadata"], dict(document.data["spec"])
    implementation = spec.pop("use")
    if never := refusal_of(implementation):
        document.refuse(("spec", "use"), never)
        return None, []
    try:
        base = base_of(implementation)
    except UnusableBaseError as fault:
        document.refuse(("spec", "use"), str(fault))
        return None, []
    if base is None and implementation.startswith("builtin:"):
        document.refuse(("spec", "use"), f"{implementation} is not a built-in tool")
        return None, []
    remarks = [_unlisted(document, implementation, env)] if base is None else []
    config = Substitution(document, env, remarks).replace(
        spec.pop("config", {}), ("spec", "config")
    )
    config = _rooted(config, document, remarks)
    inherited = base.model_dump() if base else {}
    given = {
        **inherited,
        **({"description": metadata["description"]} if "description" in metadata else {}),
        **spec,
        "name": metadata["name"],
        "version": metadata["version"],
        "implementation": implementation,
        "config": {**inherited.get("config", {}), **config},
    }
    _check_schemas(document, given, spec)
    _check_against_base(document, base, spec)
    for needed in ("description", "input_schema"):
        if needed not in given:
            sentence = f'"{needed}" is missing, and {implementation} has none to inherit'
            hint = f"; {_listing(implementation, env)}" if base is None else ""
            document.refuse(("spec",), sentence + hint)
    if document.problems:
        return None, remarks
    try:
        contract = ToolContract.model_validate(given)
    except ValidationError as fault:
        for each in unexpected(fault):
            document.refuse(("spec", *each.place), each.text)
        return None, remarks
    place: FieldPath = ("spec", "input_schema" if "input_schema" in spec else "use")
    remarks += [document.remark(place, said) for said in refused_by_vendors(contract.input_schema)]
    if missing := missing_setting(contract):
        document.refuse(("spec", "config"), missing)
    if contract.contradicts:
        sentence = "at level 4 a person is always asked: say always, or by_level"
        document.refuse(("spec", "approval" if "approval" in spec else "use"), sentence)
    remarks += _check_level(document, contract, spec)
    _check_for_policies(document, contract)
    remarks += _undeclared(document, base, spec)
    return contract, remarks + _kept_by_each(document, contract, spec)


def _kept_by_each(document: Document, contract: ToolContract, spec: dict[str, Any]) -> list[Remark]:
    """Tell the author which bounds grow with the number of processes."""
    sentence = "kept by each process: two pools run twice as many ({}_total is not)"
    return [
        document.remark(("spec", name), sentence.format(name))
        for name in ("max_concurrency", "max_per_minute")
        if name in spec and getattr(contract, f"{name}_total") is None
    ]


def _check_level(document: Document, contract: ToolContract, spec: dict[str, Any]) -> list[Remark]:
    """Refuse what cannot be true beside the level, and tell the author what speaks against it."""
    if contract.risk_level == 0 and spec.get("idempotent") is False:
        sentence = "a pure read (level 0) is repeated: say level 1 or above where that does harm"
        document.refuse(("spec", "idempotent"), sentence)
    remarks = []
    for found in contradictions(contract):
        path: FieldPath = ("spec", found.field if found.field in spec else "use")
        if found.certain:
            document.refuse(path, found.sentence)
        else:
            remarks.append(document.remark(path, found.sentence))
    return remarks


def _check_for_policies(document: Document, contract: ToolContract) -> None:
    for fault in contract_faults(contract):
        field, _, sentence = fault.partition(": ")
        document.refuse(("spec", field), sentence)


def _undeclared(
    document: Document, base: ToolContract | None, spec: dict[str, Any]
) -> list[Remark]:
    """Tell the author of a Python tool which defaults hold because nobody says otherwise."""
    if base is not None and base.implementation.startswith("builtin:"):
        return []
    said = set(spec) | (base.model_fields_set if base else set())
    allowed = ToolContract.model_fields["timeout_ms"].default
    found = []
    if "risk_level" not in said:
        found.append(f"risk_level, so it is {UNDECLARED} (of {', '.join(RISKS)})")
    if "timeout_ms" not in said:
        found.append(f"timeout_ms, so an execution may take {allowed:,} ms")
    return [document.remark(("spec",), f"not declared: {'; '.join(found)}")] if found else []


def _unlisted(document: Document, implementation: str, env: Mapping[str, str]) -> Remark:
    """Tell the author of a Python tool that its module was not looked at, and may not run."""
    sentence = f"{implementation} is not checked, and tool pools set up like this refuse to run it"
    return document.remark(("spec", "use"), f"{sentence}: {_listing(implementation, env)}")


def _listing(implementation: str, env: Mapping[str, str]) -> str:
    """Return what to set so that a Python tool's module may be imported."""
    module = implementation.split(":")[1]
    listed = ",".join([*variables.TOOL_MODULES.read(env), module])
    return f"set {variables.TOOL_MODULES.name}={listed} here and for the tool pools"


def _rooted(config: dict[str, Any], document: Document, remarks: list[Remark]) -> dict[str, Any]:
    """Make a relative root folder absolute: it is beside the manifest, wherever tools run."""
    root = config.get("root")
    if not isinstance(root, str) or not root or root.startswith("/"):
        return config
    absolute = str(Path(document.file).parent.joinpath(root).resolve())
    remarks.append(document.remark(("spec", "config", "root"), f'"{root}" is "{absolute}" here'))
    return {**config, "root": absolute}


def _check_schemas(document: Document, given: dict[str, Any], spec: dict[str, Any]) -> None:
    """Refuse schemas that cannot be evaluated, also where they come from a function's types."""
    for field in ("input_schema", "output_schema"):
        schema = given.get(field)
        if schema is None:
            continue
        own, problems = field in spec, problems_of(schema)
        for problem in problems:
            path: FieldPath = ("spec", field, *problem.path) if own else ("spec", "use")
            where = "" if own else f"{field} of what it is built on: "
            document.refuse(path, f"{where}not a JSON Schema that can be used: {problem.text}")
        if own and not problems and field == "input_schema" and schema.get("type") != "object":
            document.refuse(
                ("spec", field), "the arguments of a tool are an object: say type: object"
            )


def _check_against_base(
    document: Document, base: ToolContract | None, spec: dict[str, Any]
) -> None:
    """Refuse a contract that claims more than its base."""
    if base is None:
        return
    level = level_of(spec.get("risk_level", base.risk_level))
    if level < base.risk_level:
        sentence = f"{base.name} has level {base.risk_level}: a contract may raise it, never lower"
        document.refuse(("spec", "risk_level"), sentence)
    if spec.get("idempotent") and not base.safe_to_repeat:
        document.refuse(("spec", "idempotent"), f"{base.name} is not idempotent: remove the claim")
