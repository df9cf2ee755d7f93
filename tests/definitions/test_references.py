"""What a manifest refers to must be in the same files, built in or published."""

from __future__ import annotations

from pathlib import Path

import pytest

from runfold.events.definitions import AgentDefinition
from runfold.processors.definitions.fixed import definitions_of
from runfold.processors.tool import builtin_contracts
from runfold.surfaces.manifests import InvalidManifestsError
from runfold.surfaces.manifests import load as load_manifests
from runfold.surfaces.manifests.bases import bases
from runfold.surfaces.manifests.settings import missing_setting
from tests.definitions.given import AGENT, READ, SCRIPT, TOOL, WRITE, Faults, Load, script

LISTS = AGENT + "  tools: [{type: function, name: shelf.read}]\n"
BY_DEFAULT = AGENT.replace("openai, model: gpt-x", "default")
OWN = "extensions: {runfold: {model_script: filing}}\n"


def test_a_missing_tool_is_told_with_its_nearest_name(faults: Faults) -> None:
    (told,) = faults(LISTS.replace("shelf.read", "shelf.raed"), TOOL)
    assert told == (
        "m0.yaml:7: spec.tools[0].name: there is no tool shelf.raed in these files, built in or "
        'published: until there is, runs of clerk are refused. Did you mean "shelf.read"?'
    )


def test_a_tool_of_the_same_apply_will_do(load: Load) -> None:
    assert len(load(LISTS, TOOL).definitions) == 2


def test_a_published_tool_will_do_and_is_not_published_again(load: Load) -> None:
    shelf = READ.model_copy(update={"name": "shelf.read"})
    assert len(load(LISTS, published=definitions_of([shelf])).definitions) == 1


def test_a_built_in_tool_is_declared_along_with_the_agent(load: Load) -> None:
    found = load(LISTS.replace("shelf.read", "files.read")).definitions
    assert found[0] == READ


def test_a_tool_without_the_setting_it_needs_is_told(tmp_path: Path) -> None:
    shipped = builtin_contracts()
    bare = LISTS.replace("shelf.read", "http.get")
    (tmp_path / "m.yaml").write_text(f"{bare}---\n{TOOL}")
    with pytest.raises(InvalidManifestsError) as raised:
        load_manifests([tmp_path], env={}, base_of=bases(shipped), builtins=shipped)
    first, second = raised.value.problems
    assert first.message.startswith("builtin:http.get needs spec.config.allow: the domains")
    assert (second.field, second.line) == ("spec.config", 12)
    assert (
        second.message == "builtin:files.read needs spec.config.root: the folder it is confined to"
    )


def test_of_every_built_in_tool_it_is_known_which_setting_it_needs() -> None:
    assert [each.name for each in builtin_contracts() if missing_setting(each) is None] == []


def test_a_faulty_tool_is_not_told_twice(faults: Faults) -> None:
    (told,) = faults(LISTS, TOOL + "  risk_level: 9\n")
    assert told.startswith("m1.yaml:6: spec.risk_level")


def test_a_missing_script_is_told(faults: Faults, load: Load) -> None:
    (told,) = faults(BY_DEFAULT + OWN)
    assert "m0.yaml:7: extensions.runfold: there is no model script filing" in told
    (near,) = faults(BY_DEFAULT + OWN, published=definitions_of([script("filling")]))
    assert near.endswith('Did you mean "filling"?')
    assert load(BY_DEFAULT + OWN, published=definitions_of([script("filing")])).definitions


def test_a_default_model_without_a_script_is_told(faults: Faults) -> None:
    (told,) = faults(BY_DEFAULT)
    assert "provider default needs a model_script" in told


def test_a_tool_above_the_tier_of_its_agent_is_told(faults: Faults, load: Load) -> None:
    writes = AGENT + "  tools: [{type: function, name: files.write}]\n"
    (told,) = faults(writes + "  access: {tier: tier_1_read}\n")
    assert told.endswith("files.write has risk level 1, and tier_1_read allows none above 0")
    assert load(writes + "  access: {tier: tier_2_write_limited}\n").definitions[0] == WRITE


def test_a_script_may_call_what_every_agent_has(faults: Faults, load: Load) -> None:
    assert load(SCRIPT.replace("complete_task", "update_plan")).definitions
    (told,) = faults(SCRIPT.replace("complete_task", "complete_tsk"))
    assert told.endswith('there is no tool complete_tsk. Did you mean "complete_task"?')


def test_the_same_thing_twice_is_told(faults: Faults) -> None:
    (told,) = faults(TOOL, f"# the same\n{TOOL}")
    assert told.startswith("m1.yaml:4: metadata: shelf.read 1.0.0 is declared twice, first at ")
    assert told.endswith("m0.yaml:1")


def test_an_agent_may_pin_a_version_of_a_tool(faults: Faults, load: Load) -> None:
    pinned = LISTS.replace("name: shelf.read", "name: shelf.read@1.0.0")
    assert pinned != LISTS
    (told,) = faults(pinned)
    assert "there is no tool shelf.read@1.0.0 in these files, built in or published" in told
    shelf = READ.model_copy(update={"name": "shelf.read"})
    newer = shelf.model_copy(update={"version": "2.0.0"})
    found = load(pinned, published=definitions_of([shelf, newer])).definitions
    assert [each.tools for each in found if isinstance(each, AgentDefinition)] == [
        ("shelf.read@1.0.0",)
    ]
    (told,) = faults(pinned, published=definitions_of([newer]))
    assert "there is no tool shelf.read@1.0.0" in told
