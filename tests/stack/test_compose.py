"""The compose file says what it must, also where no Docker is there to try it."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import yaml

from runfold.infra.settings.declared.variables import (
    DRAIN,
    FIXED_PARTITIONS,
    INSTANCE,
    METRICS_PORT,
    OWNERSHIP,
    PROJECTOR_PARTITIONS,
    TOOL_MODULES,
)
from runfold.infra.settings.listing import settings_in
from runfold.infra.settings.table import VARIABLES
from runfold.infra.settings.variable import hidden
from runfold.stack.kafka.jars import KAFKA_RELEASE
from runfold.surfaces.processes import PROCESSES

ROOT = Path(__file__).parents[2]
WRITTEN = yaml.safe_load((ROOT / "compose.yaml").read_text())


def filled(written: Any, given: Mapping[str, str] = MappingProxyType({})) -> Any:
    """What is written with its variables put in, as docker compose does it: text by text."""
    if isinstance(written, dict):
        return {name: filled(each, given) for name, each in written.items()}
    if isinstance(written, list):
        return [filled(each, given) for each in written]
    if not isinstance(written, str):
        return written
    return re.sub(r"\$\{(\w+):-([^}]*)\}", lambda m: given.get(m[1]) or m[2], written)


COMPOSE: dict[str, Any] = filled(WRITTEN)
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
SERVERS = {"kafka", "postgres", "registry"}
PARTS = ("runs", "tools", "models", "contexts", "projector", "gateway", "delivery", "monitor")
ROOMS = ("events", "infra", "producers", "processors", "projections", "surfaces", "stack")


def code() -> str:
    files = itertools.chain.from_iterable((ROOT / room).rglob("*.py") for room in ROOMS)
    return "\n".join(file.read_text() for file in files)


def needs(name: str) -> set[str]:
    """Every service that is there before this one starts."""
    direct = set(SERVICES[name].get("depends_on", {}))
    return direct.union(*(needs(each) for each in direct))


def test_the_servers_are_the_real_ones() -> None:
    assert {name: SERVICES[name]["image"] for name in SERVERS} == {
        "kafka": f"apache/kafka:{KAFKA_RELEASE}",
        "postgres": "postgres:18",
        "registry": "apicurio/apicurio-registry-kafkasql:2.5.11.Final",
    }


@pytest.mark.parametrize("name", [*PARTS, "cli"])
def test_a_processor_waits_for_servers_topics_and_schemas(name: str) -> None:
    assert needs(name) == SERVERS | {"prepare", "schemas"}
    assert SERVICES[name]["restart"] == ("no" if name == "cli" else "unless-stopped")


def test_every_process_that_there_is_has_a_service() -> None:
    files = {
        *ROOT.glob("processors/*/__main__.py"),
        ROOT / "projections/__main__.py",
        ROOT / "surfaces/http/__main__.py",
    }
    modules = {".".join(("runfold", *file.parent.relative_to(ROOT).parts)) for file in files}
    started = {name: SERVICES[name]["command"][1] for name in PARTS}

    assert set(started.values()) == modules
    assert {p.name: p.arguments[1] for p in PROCESSES if not p.once}.items() <= started.items()
    assert SERVICES["prepare"]["command"] == ["-m", "runfold.stack.prepare"]


@pytest.mark.parametrize("name", ["runs", "projector", "delivery"])
def test_what_owns_partitions_can_have_more_instances(name: str) -> None:
    ours = SERVICES[name]["environment"]

    assert OWNERSHIP.read(ours) == "group"
    assert not {FIXED_PARTITIONS.name, PROJECTOR_PARTITIONS.name, INSTANCE.name} & ours.keys()
    assert "container_name" not in SERVICES[name]
    assert "ports" not in SERVICES[name]


def test_keys_and_secrets_are_where_calls_are_made_and_nowhere_else() -> None:
    secret = {v.name for v in VARIABLES if v.mask is hidden} | {"RUNFOLD_SECRETS_FOLDER"}
    holding = {name for name in OURS if secret & OURS[name]["environment"].keys()}
    mounted = {
        name
        for name in OURS
        for volume in OURS[name]["volumes"]
        if volume.split(":")[1] in {"/srv/runfold", "/srv/runfold/secrets"}
    }

    assert holding == mounted == {"runs", "tools", "models", "delivery"}


@pytest.mark.parametrize("name", ["runs", "tools", "cli"])
def test_modules_of_tools_are_found_where_they_are_mounted(name: str) -> None:
    given = {"RUNFOLD_TOOL_MODULES": "shop,desk", "OWN_FOLDER": "/srv/shop"}
    service = filled(WRITTEN, given)["services"][name]
    mounts = dict(volume.split(":")[:2][::-1] for volume in service["volumes"])

    assert TOOL_MODULES.read(service["environment"]) == ("shop", "desk")
    path = service["environment"]["PYTHONPATH"]
    assert mounts.get("/srv/runfold") == "/srv/shop" or mounts[path] == "/srv/shop/tools"


@pytest.mark.parametrize("name", PARTS)
def test_every_value_that_is_given_can_be_meant(name: str) -> None:
    ours = OURS[name]["environment"]
    wrong = [setting.problem for setting in settings_in(ours, {}) if setting.problem]

    assert wrong == []


@pytest.mark.parametrize("name", PARTS)
def test_health_is_asked_of_the_process_itself(name: str) -> None:
    asked = SERVICES[name]["healthcheck"]["test"]

    assert asked == ["CMD", "python", "-m", "runfold.infra.process.probe"]
    assert METRICS_PORT.read(OURS[name]["environment"]) is not None


def test_the_folder_that_is_mounted_is_here_and_its_secrets_are_in_no_image() -> None:
    own = ROOT / "deploy" / "own"

    assert {each.name for each in own.iterdir()} >= {"tools", "secrets", "manifests", "README.md"}
    assert "*" in (own / "secrets" / ".gitignore").read_text().splitlines()
    assert "deploy/own" in (ROOT / ".dockerignore").read_text().splitlines()


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_whoever_is_waited_for_can_tell_that_it_is_ready(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        if how["condition"] == "service_healthy":
            assert SERVICES[other]["healthcheck"]["test"][0] == "CMD"
        else:
            assert how["condition"] == "service_completed_successfully"
            assert SERVICES[other]["restart"] == "on-failure"


@pytest.mark.parametrize("name", sorted(OURS))
def test_our_processes_read_every_variable_they_are_given(name: str) -> None:
    known = code()
    given = OURS[name]["environment"]
    unread = [variable for variable in given if not re.search(rf"\b{variable}\b", known)]

    assert unread == []


@pytest.mark.parametrize("name", sorted(OURS))
def test_our_processes_are_built_from_a_file_that_copies_what_exists(name: str) -> None:
    dockerfile = ROOT / OURS[name]["build"]["dockerfile"]
    copied = [line.split()[1:-1] for line in dockerfile.read_text().splitlines() if "COPY" in line]

    assert set(ROOMS) | {"schemas"} <= {each for line in copied for each in line}
    assert [each for line in copied for each in line if not (ROOT / each).exists()] == []


@pytest.mark.parametrize("given", [{}, {"RUNFOLD_DRAIN_S": "900"}])
@pytest.mark.parametrize("name", ["runs", "tools", "models", "contexts"])
def test_what_makes_calls_is_stopped_after_its_drain(name: str, given: dict[str, str]) -> None:
    ours = filled(WRITTEN, given)["services"][name]
    drain = int(ours["environment"]["RUNFOLD_DRAIN_S"])
    waits = re.fullmatch(r"(\d+)m(\d+)s", ours["stop_grace_period"])
    assert waits is not None
    runs = next(process for process in PROCESSES if process.name == "runs")

    assert drain == int(given.get("RUNFOLD_DRAIN_S", DRAIN.default))
    # As long as the supervisor of `runfold up` waits, or longer.
    assert 60 * int(waits[1]) + int(waits[2]) >= drain + runs.stop_seconds


def test_every_volume_and_no_other_is_declared() -> None:
    used = {
        volume.partition(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if not volume.startswith((".", "/"))
    }

    assert used == set(COMPOSE["volumes"])


def test_ports_are_open_to_this_machine_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_broker_waits_for_room_on_its_disk(tmp_path: Path) -> None:
    shell, option, script = SERVICES["kafka"]["command"]
    for name, text in {
        # The disk is full at first; asked again, it has room.
        "df": "test -f asked && free=60000 || free=10\ntouch asked\n"
        'echo "Filesystem 1024-blocks Used Available Capacity Mounted on"\n'
        'echo "/dev/x 100000 40000 $free 40% /"\n',
        "sleep": "exit 0\n",
        "run": "echo started\n",
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}")
        (tmp_path / name).chmod(0o755)
    script = script.replace("$$", "$").replace("/etc/kafka/docker/run", str(tmp_path / "run"))
    done = subprocess.run(
        [shell, option, script],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    assert done.stdout.splitlines() == ["waiting for 50 MB of room on the disk", "started"]
