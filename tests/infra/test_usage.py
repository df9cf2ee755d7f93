"""``--help`` of every process: what it is and what it reads, without a server or a setting."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runfold.infra.process.exit_codes import ENDS, MEANINGS, CommandExit, ExitCode
from runfold.infra.process.health import Health
from runfold.infra.process.runner import Process
from runfold.infra.process.usage import ends_of, is_asked, need_known, settings_of
from runfold.infra.settings.errors import ConfigError
from runfold.infra.settings.table import FAMILIES, VARIABLES
from runfold.processors.effects.pool.settings import TAKE_NEW_WORK
from tests.docs.given import modules, pages

ROOT = Path(__file__).parents[2]

_COMMAND = re.compile(r"python -m (runfold[.\w]+) (--[a-z][a-z-]+)")
POOLS = ("tool", "model", "context")

PROGRAMS = {
    "runfold.processors.run": ["--take-new-inputs", "RUNFOLD_FIXED_PARTITIONS", "RUNFOLD_MODEL"],
    "runfold.processors.tool": ["RUNFOLD_TOOL_MODULES", "DATABASE_URL", "RUNFOLD_CLAIM_LEASE_S"],
    "runfold.processors.model": ["RUNFOLD_MODEL", "RUNFOLD_GROUP_PROTOCOL"],
    "runfold.processors.context": ["RUNFOLD_HOME", "RUNFOLD_GROUP_PROTOCOL"],
    "runfold.projections": ["DATABASE_URL", "RUNFOLD_PROJECTOR_PARTITIONS"],
    "runfold.processors.monitor": ["RUNFOLD_MONITOR_RULES", "RUNFOLD_MONITOR_PORT"],
    "runfold.stack.prepare": ["--mend", "RUNFOLD_PARTITIONS"],
}
"""Every process with some of what its help must name."""

NOT_OF = {
    "runfold.processors.tool": "RUNFOLD_MONITOR_RULES",
    "runfold.projections": "RUNFOLD_TOOL_MODULES",
    "runfold.processors.monitor": "RUNFOLD_CLAIM_LEASE_S",
}


def said(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    names = {variable.name for variable in VARIABLES}
    env = {
        name: value
        for name, value in os.environ.items()
        if name not in names and not any(family.holds(name) for family in FAMILIES)
    }
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize("module", PROGRAMS)
def test_help_says_what_a_process_is_and_reads(module: str) -> None:
    found = said(module, "--help")
    assert found.returncode == ExitCode.TOLD_TO_END, found.stderr
    assert found.stdout.startswith(f"usage: python -m {module} [")
    assert "`" not in found.stdout
    assert max(map(len, found.stdout.splitlines())) <= 120
    for named in [*PROGRAMS[module], "KAFKA_BOOTSTRAP_SERVERS", "RUNFOLD_HOME"]:
        assert named in found.stdout, named
    if module in NOT_OF:
        assert NOT_OF[module] not in found.stdout
    assert found.stderr == ""


def documented() -> set[tuple[str, str]]:
    """Every option that a page or a sentence of the product names with its process."""
    found: set[tuple[str, str]] = set()
    for file in (*pages(), *modules()):
        found.update(_COMMAND.findall(file.read_text(encoding="utf-8")))
    return found | {(f"runfold.processors.{name}", TAKE_NEW_WORK) for name in POOLS}


def test_help_says_every_option_that_is_written_of() -> None:
    named = documented()
    assert len({option for _, option in named}) >= 4
    for module in {module for module, _ in named} & set(PROGRAMS):
        helped = said(module, "--help").stdout
        for option in {option for of, option in named if of == module}:
            assert f"[{option}]" in helped.splitlines()[0], (module, option)


def test_an_option_that_is_not_declared_cannot_be_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "argv", ["x", "--mend"])
    config: Any = None
    process = Process("x", config, None, Health("x"), options={"--mend": "m", "--other": "o"})
    assert process.asked("--mend")
    assert not process.asked("--other")
    with pytest.raises(LookupError, match="x declares no option --secret"):
        process.asked("--secret")


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("runfold-runs", {0, 1, 2, 70, 71, 72}),
        ("runfold-tools", {0, 1, 2, 70, 72}),
        ("runfold-projector", {0, 1, 2, 3, 70, 72}),
        ("runfold-monitor", {0, 1, 2}),
        ("runfold-gateway", {0, 1, 2}),
    ],
)
def test_help_says_the_exit_codes_of_that_process(name: str, codes: set[int]) -> None:
    assert set(ends_of(name)) == codes


def test_an_option_that_a_process_does_not_have_is_named_with_those_it_has() -> None:
    found = said("runfold.stack.prepare", "--mned")
    assert found.returncode == ExitCode.WRONG_SETTINGS
    assert (
        "There is no option --mned: this process knows --roles, --mend, --remake, --adopt, --help."
        in found.stderr
    )
    with pytest.raises(ConfigError, match="this process knows --help"):
        need_known(["--anything"], {})
    need_known(["--mend", "a word"], {"--mend": "mends"})


def test_help_is_asked_for_in_two_ways() -> None:
    assert is_asked(["--mend", "-h"])
    assert is_asked(["--help"])
    assert not is_asked(["--mend"])


def test_each_process_has_settings_of_its_own() -> None:
    assert {one.name for one in settings_of("runfold-tools")} > {
        one.name for one in settings_of("of nobody")
    }


def test_the_table_of_exit_codes_knows_every_code() -> None:
    assert set(ENDS) == set(ExitCode)
    assert set(MEANINGS) == set(CommandExit)
