"""The settings of topics that are there: read, pinned, and refused where they are wrong."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    ResourceType,
)

from runfold.events.topic_settings import SettingFault, faults, needed
from runfold.infra.kafka.clients import Admin
from runfold.stack.errors import StackError

_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class _Found:
    """What holds for a topic, and the part of it that was set at the topic itself."""

    values: Mapping[str, str]
    own: frozenset[str]


def ensure_settings(
    admin: Admin,
    configs: Mapping[str, Mapping[str, str]],
    copies: Mapping[str, int],
    mend: Collection[str],
) -> list[SettingFault]:
    """Pin what the topics leave to the broker; return what is wrong and breaks no guarantee.

    Raises StackError for a setting that breaks one: whoever set it, or its broker's default, may
    have had a reason. At the topics of ``mend`` all is set as declared instead.
    """
    changes: dict[str, dict[str, str]] = {}
    left: list[SettingFault] = []
    for name, found in _read(admin, list(configs)).items():
        wrong = faults(admin.naming.full(name), configs[name], found.values, copies[name])
        kept = [each for each in wrong if each.breaks or each.setting in found.own]
        if name in mend:
            kept = []
        left += kept
        as_it_is = found.own.union(each.setting for each in kept) - _names(wrong, name in mend)
        meant = needed(configs[name], copies[name])
        changes[name] = {each: meant[each] for each in meant if each not in as_it_is}
    broken = [fault for fault in left if fault.breaks]
    if broken:
        more = f" ({len(broken) - 1} more like it)" if len(broken) > 1 else ""
        raise StackError(f"Topic {broken[0].sentence()}{more}. Set it: {broken[0].command()}.")
    _change(admin, {name: change for name, change in changes.items() if change}, mend)
    return left


def _names(wrong: list[SettingFault], really: bool) -> frozenset[str]:
    return frozenset(each.setting for each in wrong) if really else frozenset()


def _read(admin: Admin, topics: list[str]) -> dict[str, _Found]:
    own = ConfigSource.DYNAMIC_TOPIC_CONFIG.value
    wanted = [ConfigResource(ResourceType.TOPIC, name) for name in topics]
    found: dict[str, _Found] = {}
    for resource, future in admin.describe_configs(wanted, request_timeout=_SECONDS).items():
        try:
            entries = future.result()
        except KafkaException as error:
            raise StackError(
                f"The settings of topic {resource.name} cannot be read: {_text(error)}."
            ) from error
        found[resource.name] = _Found(
            {name: entry.value for name, entry in entries.items()},
            frozenset(name for name, entry in entries.items() if entry.source == own),
        )
    return found


def _change(admin: Admin, changes: Mapping[str, Mapping[str, str]], mend: Collection[str]) -> None:
    if not changes:
        return
    resources = [
        ConfigResource(
            ResourceType.TOPIC,
            name,
            incremental_configs=[
                ConfigEntry(setting, value, incremental_operation=AlterConfigOpType.SET)
                for setting, value in change.items()
            ],
        )
        for name, change in changes.items()
    ]
    altered = admin.incremental_alter_configs(resources, request_timeout=_SECONDS)
    for resource, future in altered.items():
        try:
            future.result()
        except KafkaException as error:
            # What holds already may stay unpinned where the cluster does not let us.
            if resource.name in mend:
                raise StackError(
                    f"The settings of topic {resource.name} cannot be changed: {_text(error)}."
                ) from error


def _text(error: KafkaException) -> str:
    return str(error.args[0].str()) if error.args else str(error)
