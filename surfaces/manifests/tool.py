"""A tool manifest as a contract, on top of what it is built on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import ValidationError

from runfold.events.definitions import ToolContract
from runfold.infra.documents import Document, FieldPath
from runfold.infra.settings import variables
from runfold.processors.model.vendor_schemas import refused_by_vendors
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
    try:
        base = base_of(implementation)
    except UnusableBaseError as fault:
        document.refuse(("spec", "use"), str(fault))
        return None, []
    if base is None and implementation.startswith("builtin:"):
        document.refuse(("spec", "use"), f"{implementation} is no built-in tool")
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
    _check_schemas(document, spec)
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
        for error in fault.errors():
            document.refuse(("spec", *error["loc"]), error["msg"])
        return None, remarks
    place: FieldPath = ("spec", "input_schema" if "input_schema" in spec else "use")
    remarks += [document.remark(place, said) for said in refused_by_vendors(contract.input_schema)]
    if missing := missing_setting(contract):
        document.refuse(("spec", "config"), missing)
    return contract, remarks


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


def _check_schemas(document: Document, spec: dict[str, Any]) -> None:
    for field in ("input_schema", "output_schema"):
        if field not in spec:
            continue
        path: FieldPath = ("spec", field)
        try:
            Draft202012Validator.check_schema(spec[field])
        except SchemaError as fault:
            document.refuse((*path, *fault.absolute_path), f"not a JSON Schema: {fault.message}")
            continue
        if field == "input_schema" and spec[field].get("type") != "object":
            document.refuse(path, "the arguments of a tool are an object: say type: object")


def _check_against_base(
    document: Document, base: ToolContract | None, spec: dict[str, Any]
) -> None:
    """Refuse a contract that claims more than its base."""
    if base is None:
        return
    level = spec.get("risk_level", base.risk_level)
    if level < base.risk_level:
        sentence = f"{base.name} has level {base.risk_level}: a contract may raise it, never lower"
        document.refuse(("spec", "risk_level"), sentence)
    if spec.get("idempotent") and not base.safe_to_repeat:
        document.refuse(("spec", "idempotent"), f"{base.name} is not idempotent: remove the claim")
