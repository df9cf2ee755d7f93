"""Which providers there are: the two known by name, and any the configuration adds [122]."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import yaml

from runfold.infra.settings.declared import variables
from runfold.infra.settings.errors import ConfigError
from runfold.infra.settings.variable import Variable
from runfold.processors.model.names import SCRIPTED
from runfold.processors.model.prices import PriceTable

if TYPE_CHECKING:
    import httpx

Kind = Literal["openai", "anthropic"]

_OFFICIAL = {"openai": "https://api.openai.com/v1", "anthropic": "https://api.anthropic.com"}
_DEFAULT_MODEL = {"openai": "gpt-5-mini", "anthropic": "claude-sonnet-4-5"}
_KNOWN: Mapping[Kind, tuple[Variable[str], Variable[str], Variable[str]]] = {
    "openai": (variables.OPENAI_API_KEY, variables.OPENAI_BASE_URL, variables.OPENAI_MODEL),
    "anthropic": (
        variables.ANTHROPIC_API_KEY,
        variables.ANTHROPIC_BASE_URL,
        variables.ANTHROPIC_MODEL,
    ),
}
_FIELDS = frozenset({"kind", "base_url", "key_env", "model", "prices"})
_RESERVED = frozenset({"openai", "anthropic", "scripted", "default"})


class SettingsError(ConfigError, ValueError):
    """The model settings in the environment cannot be meant."""


@dataclass(frozen=True, slots=True)
class Provider:
    """A model server; ``key`` is None where it asks for none, and never shows in a repr.

    ``key_env`` names the variable a key comes from; ``missing`` says that it is needed and not
    set. ``prices`` is the provider's id in the price catalogue, None to look it up by address.
    """

    name: str
    kind: Kind
    base_url: str
    model: str
    key: str | None = field(default=None, repr=False)
    key_env: str = ""
    missing: bool = False
    prices: str | None = None

    @property
    def official(self) -> bool:
        """Whether it is the vendor's own service rather than a server compatible with it."""
        return self.base_url == _OFFICIAL[self.kind]


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Everything the model processor is configured with.

    ``configured`` lists what ``default`` stands for, best first; ``table`` overrides the price
    catalogue. ``network`` is another one than the real, for tests.
    """

    providers: Mapping[str, Provider]
    configured: tuple[str, ...] = ()
    table: PriceTable = field(default_factory=PriceTable)
    network: httpx.AsyncBaseTransport | None = field(default=None, repr=False, compare=False)

    @classmethod
    def from_environment(cls, env: Mapping[str, str] = os.environ) -> ModelSettings:
        """Read the settings; SettingsError with one clear sentence where they make no sense.

        OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_MODEL, and the same for ANTHROPIC, configure the
        two; RUNFOLD_PROVIDERS is YAML, or the path of a YAML file, with more of them by name;
        RUNFOLD_PRICES a price table in the same way; RUNFOLD_MODEL what ``default`` stands for.
        """
        found = [_known(kind, env) for kind in _KNOWN]
        for name, spec in _document(variables.PROVIDERS, env).items():
            found.append(_extra(name, spec, env))
        override = variables.MODEL.read(env)
        if override and override != SCRIPTED and ":" not in override:
            raise SettingsError(f"RUNFOLD_MODEL is {override!r}: write provider:model, or scripted")
        return cls(
            providers={provider.name: provider for provider in found},
            configured=(
                *((override,) if override else ()),
                *(f"{p.name}:{p.model}" for p in found if p.model and not p.missing),
            ),
            table=_table(env),
        )


def _table(env: Mapping[str, str]) -> PriceTable:
    document = _document(variables.PRICES, env)
    try:
        return PriceTable.of(document)
    except ValueError as error:
        raise SettingsError(f"{variables.PRICES.name}: {error}") from error


def _known(kind: Kind, env: Mapping[str, str]) -> Provider:
    its_key, its_address, its_model = _KNOWN[kind]
    base_url = _address(its_address.name, its_address.read(env) or _OFFICIAL[kind])
    key = its_key.read(env) or None
    return Provider(
        name=kind,
        kind=kind,
        base_url=base_url,
        model=its_model.read(env) or _DEFAULT_MODEL[kind],
        key=key,
        key_env=its_key.name,
        missing=key is None and base_url == _OFFICIAL[kind],
        prices=kind if base_url == _OFFICIAL[kind] else None,
    )


def _extra(name: str, spec: object, env: Mapping[str, str]) -> Provider:
    where = f"provider {name!r} in RUNFOLD_PROVIDERS"
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name) or name in _RESERVED:
        raise SettingsError(
            f"{where}: choose a name of a-z, 0-9, - and _ that is not a built-in one"
        )
    if not isinstance(spec, dict) or not spec.keys() <= _FIELDS:
        raise SettingsError(f"{where}: give kind, base_url and, if needed, key_env, model, prices")
    kind: Any = spec.get("kind", "openai")
    if kind not in _OFFICIAL:
        raise SettingsError(f"{where}: kind is openai or anthropic, not {kind!r}")
    key_env = str(spec.get("key_env", ""))
    key = env.get(key_env, "").strip() or None if key_env else None
    return Provider(
        name=name,
        kind=kind,
        base_url=_address(where, str(spec.get("base_url", ""))),
        model=str(spec.get("model", "")),
        key=key,
        key_env=key_env,
        missing=bool(key_env) and key is None,
        prices=str(spec["prices"]) if "prices" in spec else None,
    )


def _address(where: str, value: str) -> str:
    try:
        parts = urlsplit(value.strip())
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1)
    except ValueError:
        usable = False
    if not usable:
        raise SettingsError(f"{where}: the address must look like https://host[:port]/path")
    if parts.username or parts.password or parts.query or parts.fragment:
        # An address shows up in errors and logs, so it must hold nothing secret.
        raise SettingsError(f"{where}: put credentials in the key's variable, not in the address")
    return value.strip().rstrip("/")


def _is_yaml(value: str) -> bool:
    """Whether a value is a mapping itself, in either of YAML's styles, and no path."""
    return value.startswith("{") or ": " in value or ":\n" in value


def _document(variable: Variable[str], env: Mapping[str, str]) -> dict[str, Any]:
    """Return the YAML mapping that a variable holds or names the file of; empty if unset."""
    value = variable.read(env)
    if not value:
        return {}
    try:
        source = value if _is_yaml(value) else Path(value).read_text(encoding="utf-8")
        # Every scalar as it was typed: YAML itself would read 12:30 as 750, and round a price.
        found = yaml.load(source, Loader=yaml.BaseLoader)  # noqa: S506 - it makes texts only
    except (OSError, yaml.YAMLError) as error:
        raise SettingsError(f"{variable.name} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise SettingsError(f"{variable.name}: expected a mapping of names")
    return {str(name): spec for name, spec in found.items()}
