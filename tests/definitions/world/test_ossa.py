"""What OSSA's published schemas accept is accepted; what is not honoured is told."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from runfold.events.definitions import AgentDefinition, Definitions
from runfold.events.json_schema import compiled
from runfold.infra.documents import Document, FieldPath, documents, dotted
from runfold.processors.definitions.fixed import definitions_of
from runfold.surfaces.manifests import load
from runfold.surfaces.manifests.check import check
from runfold.surfaces.manifests.ossa import published
from runfold.surfaces.manifests.ossa.reading import LATER
from runfold.surfaces.manifests.problems import UnacceptedRemarksError
from runfold.testing.runtime import MemoryRuntime
from tests.definitions.given import AGENT, TOOL, Faults, Load, base_of
from tests.definitions.given import READ as SHIPPED

CORPUS = Path(__file__).parent / "corpus"
FILES = sorted(each for each in CORPUS.iterdir() if each.name != "NOTICE")
LIST = "  tools: [{type: function, name: shelf.read}]\n"


def _read(file: Path) -> list[Document]:
    return list(documents(file.read_text("utf-8"), file.name))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_what_a_published_schema_accepts_is_accepted(file: Path) -> None:
    found = load([file], env={}, base_of=base_of, builtins=(SHIPPED,), accept_remarks=True)
    kinds = [each.data["kind"] for each in _read(file)]
    assert len(found.definitions) >= len([kind for kind in kinds if kind == "Agent"])
    told = [each.message for each in found.remarks if each.field == "kind"]
    assert len(told) == len([kind for kind in kinds if kind in LATER])
    assert all("is not run yet, and nothing is published of it" in each for each in told)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_field_is_honoured_or_told(file: Path) -> None:
    for document in _read(file):
        before = deepcopy(document.data)
        told = {each.field for each in check(document)}
        assert document.problems == []
        if document.data is not None:
            kept = set(_leaves(document.data, ()))
            lost = [
                dotted(path) for path, value in _leaves(before, ()) if (path, value) not in kept
            ]
            assert [each for each in lost if not _covered(each, told)] == []


def _leaves(value: Any, path: FieldPath) -> Iterator[tuple[FieldPath, str]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in pairs:
        if isinstance(each, dict | list):
            yield from _leaves(each, (*path, key))
        elif key != "type":
            yield (*path, key), str(each).lower()


def _covered(field: str, told: set[str]) -> bool:
    return any(field == each or field.startswith((f"{each}.", f"{each}[")) for each in told)


def test_every_schema_is_fit_for_use_and_has_its_notice() -> None:
    folder = Path(published.__file__).parent / "schemas"
    notice = (folder / "NOTICE").read_text()
    names = {name for each in published.SCHEMAS.values() for name in each}
    assert {each.name for each in folder.glob("*.gz")} == {f"{name}.json.gz" for name in names}
    for name in names:
        assert f"\n{name} " in notice
        assert compiled(published._schema(name))


def test_what_no_published_schema_accepts_is_refused_with_what_it_says(faults: Faults) -> None:
    told = faults(AGENT.replace("{name: clerk", "{nam: clerk"))
    assert any("the published schema of OSSA 0.4 does not accept it: $.metadata" in x for x in told)
    (told_flow,) = faults("apiVersion: ossa/v0.4\nkind: Flow\nmetadata: 3\n")
    assert "the published schema of OSSA 0.4 does not accept it" in told_flow


def test_runfolds_own_fields_stay_strict_in_a_manifest_of_somebody_else(faults: Faults) -> None:
    foreign = AGENT + "  personality: {tone: dry}\n"
    (told,) = faults(foreign + "extensions: {runfold: {max_malformd: 1}}\n")
    assert told.endswith('unknown field. Did you mean "max_malformed"?')


@pytest.mark.parametrize(
    ("old", "new", "field", "said"),
    [
        ('"1.0.0"', "2.0.0-rc.1", "metadata.version", "its version is 2.0.0 here"),
        (', version: "1.0.0"', "", "metadata.version", "its version is 0.0.0 here"),
        ("model: gpt-x", "model: gpt-x, max_tokens: 9", "spec.llm.max_tokens", "read as spec.llm."),
        ("role: You", "instructions: You", "spec.instructions", "read as spec.role"),
        ("llm: {", "model: {", "spec.model", "read as spec.llm"),
        ("model: gpt-x", "model: gpt-x, temperature: hot", "spec.llm.temperature", "not honoured"),
        ("model: gpt-x", "model: gpt-x, caching: {a: 1}", "spec.llm.caching", "means nothing here"),
    ],
)
def test_what_is_read_otherwise_is_told(
    old: str, new: str, field: str, said: str, load: Load
) -> None:
    found = load(AGENT.replace(old, new))
    assert [said in each.message for each in found.remarks if each.field == field] == [True]
    assert len(found.definitions) == 1


def test_a_long_version_stays_what_it_is(load: Load) -> None:
    found = load(AGENT.replace("1.0.0", "1.3405691582.0"))
    assert (found.definitions[0].version, found.remarks) == ("1.3405691582.0", ())


def test_tools_get_names_that_tools_can_have(load: Load) -> None:
    listed = (
        "[Web Search, {server: Jira}, {name: ask_human}, {name: shelf.read}, {name: shelf.read}]"
    )
    found = load(f"{AGENT}  tools: {listed}\n", TOOL)
    (agent,) = [each for each in found.definitions if isinstance(each, AgentDefinition)]
    assert agent.tools == ("web-search", "jira", "shelf.read")
    told = [each.message for each in found.remarks if each.field.startswith("spec.tools[")]
    assert [each for each in told if "left out" in each] == [
        "left out: ask_human is what every agent has",
        "left out: shelf.read is listed already",
    ]
    assert len([each for each in told if "until there is, runs of clerk are refused" in each]) == 2


def test_a_blocked_tool_is_left_out(load: Load) -> None:
    blocked = LIST + "  autonomy: {blocked_actions: [shelf.read]}\n"
    (agent,) = load(AGENT + blocked).definitions
    assert isinstance(agent, AgentDefinition)
    assert agent.tools == ()


PROTECTS = [
    "  constraints: {cost: {maxCostPerDay: 5}}\n",
    "  autonomy: {level: careful}\n",
    "  autonomy: {level: autonomous, approval_required: [deploy]}\n",
    "  autonomy: {escalation_policy: {to: ann}}\n",
    LIST + "  autonomy: {allowed_actions: [look]}\n",
    "  safety: {content_filtering: {enabled: true}}\n",
    "  safety: {guardrails: [no-harm]}\n",
    "  access: {tier: tier_9}\n",
    "  compliance: {frameworks: [gdpr]}\n",
    "  state: {storage: {encryption: {at_rest: true}}}\n",
    "  data_residency: eu\n",
    "extensions: {crewai: {humanApproval: true}}\n",
    "extensions: {other: {budgets: [{usd: 1}]}}\n",
    "  autonomyy: {level: supervised}\n",
]


@pytest.mark.parametrize("more", PROTECTS)
def test_what_was_to_protect_needs_consent(more: str, load: Load) -> None:
    with pytest.raises(UnacceptedRemarksError, match="accept it with --accept-remarks"):
        load(AGENT + more, TOOL)
    assert any(each.consent for each in load(AGENT + more, TOOL, accept_remarks=True).remarks)


@pytest.mark.parametrize(
    "more",
    [
        "  constraints: {cost: {}}\n",
        "  safety: {content_filtering: {enabled: false}}\n",
        LIST + "  autonomy: {allowed_actions: [shelf.read]}\n",
        "  state: {storage: {encryption: none}}\n",
        "  inputs: {compliance: {type: string}}\n",
        "  tools: [{name: shelf.read, parameters: {approval: {type: string}}}]\n",
        "extensions: {other: {max_iter: 3}}\n",
    ],
)
def test_what_protects_nobody_needs_none(more: str, load: Load) -> None:
    assert load(AGENT + more, TOOL).definitions


def test_what_is_published_as_it_stands_has_its_consent_already(load: Load) -> None:
    text = AGENT + PROTECTS[0]
    held = definitions_of(load(text, accept_remarks=True).definitions)
    assert load(text, published=held).definitions
    with pytest.raises(UnacceptedRemarksError):
        load(text.replace("1.0.0", "1.0.1"), published=held)


def test_an_agent_that_cannot_run_replaces_one_that_can_with_consent_only(load: Load) -> None:
    held: Definitions = definitions_of(load(AGENT).definitions)
    newer = AGENT.replace("1.0.0", "1.1.0")
    for broken in (newer + LIST.replace("shelf.read", "elsewhere"), newer.replace("model:", "x:")):
        assert load(broken).definitions
        with pytest.raises(UnacceptedRemarksError, match="takes the place of the clerk"):
            load(broken, published=held)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (AGENT.replace("role: You keep the files in order.", "x: 1"), "its manifest says no role"),
        (AGENT.replace(", model: gpt-x", ""), "its manifest says no model"),
        (AGENT + LIST.replace("shelf.read", "elsewhere"), "elsewhere"),
    ],
)
def test_an_agent_that_cannot_run_says_so_when_it_is_asked_to(
    text: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "m.yaml").write_text(text)
    run = MemoryRuntime.of(tmp_path / "m.yaml").run("File it.", "clerk")
    assert said in f"{run.completion} {run.events}"


_DEEP = "{a: " * 45 + "1" + "}" * 45
_LAUGHS = "x: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"x{n}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 10)}]\n" for n in range(8)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (AGENT + _LAUGHS, "aliases expand to more than"),
        (AGENT + "  role: again\n", 'the key "role" is written twice'),
        (AGENT.replace("ossa/v0.4", "ossa/v{{VERSION}}"), "OSSA is read in the versions"),
        (AGENT + "  x: !!python/object:os.system {}\n", "means nothing here"),
        (AGENT + "  x: " + "[" * 60 + "]" * 60 + "\n", "levels deep"),
    ],
)
def test_hostile_manifests_are_refused(text: str, said: str, faults: Faults) -> None:
    assert any(said in each for each in faults(text))


def test_what_is_deep_or_wide_is_told_and_bounded(load: Load) -> None:
    wide = "".join(f"  x{n}: {n}\n" for n in range(1_000))
    found = load(f"{AGENT}  odd: {_DEEP}\n{wide}")
    assert len(found.definitions) == 1
    assert len(found.remarks) == 1_001
    models = ", ".join(f"{{x: {n}}}" for n in range(2_000))
    wrong = AGENT.replace("model: gpt-x", f"model: gpt-x, fallback_models: [{models}]")
    assert len(load(wrong).definitions) == 1
