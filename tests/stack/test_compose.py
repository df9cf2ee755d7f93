"""The compose file says what it must, also where no Docker is there to try it."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from runfold.infra.settings.variables import DRAIN
from runfold.stack.kafka.jars import KAFKA_RELEASE
from runfold.surfaces.processes import PROCESSES

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
SERVERS = {"kafka", "postgres", "registry"}
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


@pytest.mark.parametrize("name", ["runs", "tools", "projector"])
def test_a_processor_waits_for_servers_topics_and_schemas(name: str) -> None:
    assert needs(name) == SERVERS | {"prepare", "schemas"}
    assert SERVICES[name]["restart"] == "unless-stopped"


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
@pytest.mark.parametrize("name", ["runs", "tools"])
def test_what_makes_calls_is_stopped_after_its_drain(name: str, given: dict[str, str]) -> None:
    def filled(text: str) -> str:
        return re.sub(r"\$\{(\w+):-(\w*)\}", lambda m: given.get(m[1], m[2]), text)

    drain = int(filled(OURS[name]["environment"]["RUNFOLD_DRAIN_S"]))
    waits = re.fullmatch(r"(\d+)m(\d+)s", filled(OURS[name]["stop_grace_period"]))
    assert waits is not None
    process = next(process for process in PROCESSES if process.name == name)

    assert drain == int(given.get("RUNFOLD_DRAIN_S", DRAIN.default))
    # As long as the supervisor of `runfold up` waits, or longer.
    assert 60 * int(waits[1]) + int(waits[2]) >= drain + process.stop_seconds


def test_every_volume_and_no_other_is_declared() -> None:
    used = {
        volume.partition(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if not volume.startswith("./")
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
