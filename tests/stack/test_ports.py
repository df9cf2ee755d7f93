from __future__ import annotations

import socket
from pathlib import Path

from runfold.stack import ports


def test_each_name_has_a_free_port_of_its_own(tmp_path: Path) -> None:
    claimed = ports.claim(tmp_path / "ports.json", ("a", "b", "c"))

    assert len(set(claimed.values())) == 3
    assert all(ports.is_free(port) for port in claimed.values())


def test_ports_stay_the_same_from_one_start_to_the_next(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    first = ports.claim(file, ("a",)) | ports.claim(file, ("b",))

    assert ports.claim(file, ("a", "b")) == first


def test_a_port_that_somebody_has_taken_is_replaced_and_the_others_stay(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    first = ports.claim(file, ("a", "b"))
    with socket.create_server(("127.0.0.1", first["a"])):
        second = ports.claim(file, ("a", "b"))

    assert second["a"] != first["a"]
    assert second["b"] == first["b"]
    assert ports.claim(file, ("a", "b")) == second


def test_a_damaged_memory_is_forgotten(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    file.write_text("{")

    assert ports.is_free(ports.claim(file, ("a",))["a"])
