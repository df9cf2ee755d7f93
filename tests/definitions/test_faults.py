"""Every fault of a manifest is told at once, by file, line and field."""

from __future__ import annotations

from pathlib import Path

import pytest

from runfold.surfaces.manifests import InvalidManifestsError, load
from tests.definitions.given import AGENT, SCRIPT, TOOL, Faults, base_of


def test_all_faults_of_all_files_come_at_once(faults: Faults) -> None:
    own = "extensions: {runfold: {max_malformd: 1, limits: {max_cost: cheap}}}\n"
    told = faults(AGENT + own, TOOL.replace("files.read", "files.raed"), "kind: Flwo\n")
    assert told[:-1] == [
        (
            'm0.yaml:7: extensions.runfold.limits.max_cost: "cheap": a cost is an amount in US '
            'dollars such as "0.50"'
        ),
        'm0.yaml:7: extensions.runfold.max_malformd: unknown field. Did you mean "max_malformed"?',
        "m1.yaml:5: spec.use: builtin:files.raed is not a built-in tool",
    ]
    assert told[-1].startswith("m2.yaml:1: kind: a kind is one of Agent, Tool")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "ossa/v0.4",
            "ossa/v0.2",
            'apiVersion: "ossa/v0.2": OSSA is read in the versions 0.3, 0.4, 0.5',
        ),
        ("ossa/v0.4", "ossa/v9.9", 'apiVersion: "ossa/v9.9": OSSA is read in the versions'),
        (
            "Agent",
            "Agnet",
            'kind: a kind of OSSA is Agent, Flow, Task, Workflow. Did you mean "Agent"?',
        ),
        (
            "role: You keep the files in order.",
            "roel: x",
            'spec.roel: not honoured: unknown field. Did you mean "role"?',
        ),
        (
            "role: You keep the files in order.",
            "prompts: {system: {tempalte: x, template: y}}",
            'spec.prompts.system.tempalte: not honoured: unknown field. Did you mean "template"?',
        ),
    ],
)
def test_a_fault_names_its_field(old: str, new: str, said: str, faults: Faults) -> None:
    (told,) = faults(AGENT.replace(old, new))
    assert said in told


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("  autonomy: {level: supervized}\n", 'Did you mean "supervised"?'),
        (
            "extensions: {runfold: {limits: {max_cost: cheap}}}\n",
            'extensions.runfold.limits.max_cost: "cheap": a cost is an amount in US dollars',
        ),
        ("extensions: {runfold: {limits: {max_tool_calls: -1}}}\n", "minimum of 0"),
        ("extensions: {runfold: {approval_from_level: 6}}\n", "maximum of 5"),
    ],
)
def test_a_wrong_value_is_told(more: str, said: str, faults: Faults) -> None:
    (told,) = faults(AGENT + more)
    assert said in told


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("  risk_level: 7\n", "spec.risk_level"),
        ("  idempotnt: true\n", 'unknown field. Did you mean "idempotent"?'),
        ("  input_schema: {type: objekt}\n", "spec.input_schema.type: not a JSON Schema"),
        ("  input_schema: {type: array}\n", "the arguments of a tool are an object"),
        ("  retry: {max_attempts: 0}\n", "spec.retry.max_attempts"),
        ("  config: {root: '${NOWHERE}'}\n", "NOWHERE is not set: set it, or give a default"),
        ("  config: {root: '${NOT CLOSED'}\n", "write references as ${NAME}"),
        ("  config: {key: '${OPENAI_API_KEY}'}\n", "OPENAI_API_KEY looks like a secret"),
    ],
)
def test_a_wrong_tool_is_told(more: str, said: str, faults: Faults) -> None:
    (told,) = faults(TOOL + more)
    assert said in told
    assert told.startswith("m0.yaml:6:")


def test_a_contract_promises_no_more_than_what_it_is_built_on(faults: Faults) -> None:
    built_on_write = TOOL.replace("files.read", "files.write")
    (level,) = faults(built_on_write + "  risk_level: 0\n")
    (repeat,) = faults(built_on_write + "  idempotent: true\n")
    assert "a contract may raise it, never lower" in level
    assert "files.write is not idempotent" in repeat


def test_a_python_tool_without_a_known_function_says_all_of_itself(faults: Faults) -> None:
    said = faults(TOOL.replace("builtin:files.read", "python:shop.tools:refund"))
    assert [each.partition("spec: ")[2][:14] for each in said] == [
        '"description" ',
        '"input_schema"',
    ]
    assert all("set RUNFOLD_TOOL_MODULES=shop.tools here" in each for each in said)


@pytest.mark.parametrize(
    ("turn", "said"),
    [
        ("{}", "spec.turns[0]: a turn answers with something"),
        ("{calls: [{arguments: {}}]}", 'spec.turns[0].calls[0]: "name" is missing'),
        ("{text: x, when: {contain: y}}", 'Did you mean "contains"?'),
        (
            "{calls: [{name: files.raed}]}",
            'there is no tool files.raed. Did you mean "files.read"?',
        ),
    ],
)
def test_a_wrong_turn_is_told(turn: str, said: str, faults: Faults) -> None:
    head, _, _ = SCRIPT.partition("    - ")
    (told,) = faults(f"{head}    - {turn}\n")
    assert said in told


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"a: 1\nb: \xff\n")
    (tmp_path / "empty.yml").write_text("# nothing\n")
    (tmp_path / "huge.yaml").write_text("#" * 1_000_001)
    (tmp_path / "folder").mkdir()
    with pytest.raises(InvalidManifestsError) as raised:
        load([tmp_path, tmp_path / "folder", tmp_path / "none.yaml"], env={}, base_of=base_of)
    assert [str(each).removeprefix(f"{tmp_path}/") for each in raised.value.problems] == [
        "empty.yml:1: empty: it declares nothing",
        "folder:1: no manifest in this folder: it holds no *.yaml file",
        "huge.yaml:1: larger than 1000000 bytes: split it",
        "latin.yaml:2: not UTF-8 text: save it as UTF-8",
        "none.yaml:1: cannot be read: No such file or directory",
    ]
