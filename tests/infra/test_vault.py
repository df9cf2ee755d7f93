"""What a Vault says, and what its troubles become: a sentence, and a call that waits."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from runfold.infra.secrets.port import SecretsUnavailableError
from runfold.infra.secrets.vault import VaultSecrets
from runfold.infra.secrets.vault_http import VaultPlace
from runfold.infra.secrets.vault_settings import vault_of
from runfold.infra.settings.errors import ConfigError
from tests.support.vault import VaultDouble, vault_double

CANARY = "s3cret-canary"


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def vault() -> Iterator[VaultDouble]:
    with vault_double() as double:
        yield double


def place(vault: VaultDouble, token: str = "hvs.token") -> VaultPlace:
    return VaultPlace(vault.address, lambda: token)


def entry(vault: VaultDouble, path: str, **fields: object) -> None:
    vault.entries[f"secret/data/runfold/{path}"] = fields


def test_a_tenant_has_its_own_before_that_of_all(vault: VaultDouble) -> None:
    entry(vault, "crm", value="of all")
    entry(vault, "tenants/acme/crm", value="of acme")
    secrets = VaultSecrets(place(vault))
    assert secrets.get("crm", "acme") == "of acme"
    assert secrets.get("crm", "globex") == "of all"


@pytest.mark.parametrize("tenant", ["..", "../acme", "acme/../globex", "a/b", "", "\0", "ä"])
def test_no_tenant_reaches_what_is_another_ones(vault: VaultDouble, tenant: str) -> None:
    entry(vault, "tenants/acme/crm", value=CANARY)
    entry(vault, "crm", value="of all")
    assert VaultSecrets(place(vault)).get("crm", tenant) == "of all"
    assert VaultSecrets(place(vault)).get("tenants/acme/crm", tenant) is None


def test_an_exchanged_secret_holds_after_half_a_minute(vault: VaultDouble) -> None:
    entry(vault, "crm", value="old")
    clock = Clock()
    secrets = VaultSecrets(place(vault), clock=clock)
    assert secrets.get("crm", "acme") == "old"
    entry(vault, "crm", value="new")
    assert secrets.get("crm", "acme") == "old"
    clock.now += 31
    assert secrets.get("crm", "acme") == "new"


def test_an_exchanged_token_holds_at_once(vault: VaultDouble, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("hvs.old\n", encoding="utf-8")
    env = {"RUNFOLD_VAULT_ADDR": vault.address, "RUNFOLD_VAULT_TOKEN_FILE": str(file)}
    found = vault_of(env, {})
    assert found is not None
    secrets = VaultSecrets(found)
    entry(vault, "crm", value="value")
    with pytest.raises(SecretsUnavailableError, match="answers 403; the token may not read it"):
        secrets.get("crm", "acme")
    file.write_text("hvs.token", encoding="utf-8")
    assert secrets.get("crm", "acme") == "value"


def test_mount_path_and_namespace_are_those_that_are_set(vault: VaultDouble) -> None:
    env = {
        "RUNFOLD_VAULT_ADDR": vault.address + "/",
        "RUNFOLD_VAULT_MOUNT": "/kv/team/",
        "RUNFOLD_VAULT_PATH": "",
        "RUNFOLD_VAULT_NAMESPACE": "bank",
    }
    vault.entries["kv/team/data/runfold/crm"] = {"value": "value"}
    found = vault_of(env, {"RUNFOLD_VAULT_TOKEN": "hvs.token"})
    assert found is not None
    assert VaultSecrets(found).get("crm", "acme") == "value"
    assert vault.asked[-1] == ("/v1/kv/team/data/runfold/crm", "bank")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((503, {}, b""), "answers 503; it is asked again"),
        ((429, {}, b""), "answers 429; it is asked again"),
        ((307, {"location": "http://127.0.0.1:1/"}, b""), "answers 307; it refers to another"),
        ((200, {}, b"<html>"), "is not JSON"),
        ((200, {}, b"[" * 100_000), "is not JSON"),
        ((200, {}, b"[]"), "no text in its field 'value'"),
        ((200, {}, b'{"data":{"data":null}}'), "no text in its field 'value'"),
        ((200, {}, b'{"data":{"data":{"password":"s3cret-canary"}}}'), "no text in its field"),
        ((200, {}, b'{"data":{"data":{"value":["s3cret-canary"]}}}'), "no text in its field"),
        ((200, {}, b'{"data":{"data":{"value":"\\ud800"}}}'), "no text in its field"),
        ((200, {}, b"x" * 1_000_001), "more than 1000000 bytes"),
        ((200, {"content-encoding": "gzip"}, b"x"), "in the encoding 'gzip'"),
    ],
)
def test_every_trouble_is_a_sentence_without_a_value(
    vault: VaultDouble, answer: tuple[int, dict[str, str], bytes], says: str
) -> None:
    vault.answers = [answer, answer]
    with pytest.raises(SecretsUnavailableError, match=says) as raised:
        VaultSecrets(place(vault)).get("crm", "acme")
    assert "'crm'" in str(raised.value)
    assert CANARY not in repr(raised.value) + repr(raised.value.__cause__)


def test_trouble_is_not_remembered(vault: VaultDouble) -> None:
    entry(vault, "crm", value="value")
    vault.answers = [(503, {}, b"")]
    secrets = VaultSecrets(place(vault))
    with pytest.raises(SecretsUnavailableError):
        secrets.get("crm", "acme")
    assert secrets.get("crm", "acme") == "value"


def test_a_server_that_is_away_is_said(vault: VaultDouble) -> None:
    away = replace(place(vault), address="http://127.0.0.1:9")
    with pytest.raises(SecretsUnavailableError, match=r"does not answer \(ConnectError\)"):
        VaultSecrets(away).get("crm", "acme")


def test_a_server_that_sends_a_byte_at_a_time_is_left() -> None:
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(10_000)
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
                while not stop.wait(0.05):
                    try:
                        connection.sendall(b" ")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            address = f"http://127.0.0.1:{server.getsockname()[1]}"
            secrets = VaultSecrets(VaultPlace(address, lambda: "t"), whole_s=0.5)
            with pytest.raises(SecretsUnavailableError, match="did not come to its end in time"):
                secrets.get("crm", "acme")
        finally:
            stop.set()
            thread.join()


@pytest.mark.parametrize(
    ("env", "taken", "says"),
    [
        ({}, {}, "set without a token"),
        ({"RUNFOLD_VAULT_MOUNT": "/"}, {"RUNFOLD_VAULT_TOKEN": "t"}, "VAULT_MOUNT must be a path"),
        ({"RUNFOLD_VAULT_PATH": "a/../b"}, {"RUNFOLD_VAULT_TOKEN": "t"}, "VAULT_PATH must be"),
        ({"RUNFOLD_VAULT_CACERT": "/absent"}, {"RUNFOLD_VAULT_TOKEN": "t"}, "CACERT names no file"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused_at_start(
    env: dict[str, str], taken: dict[str, str], says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        vault_of({"RUNFOLD_VAULT_ADDR": "http://127.0.0.1:8200", **env}, taken)


def test_without_an_address_there_is_none() -> None:
    assert vault_of({}, {"RUNFOLD_VAULT_TOKEN": "t"}) is None


@pytest.mark.parametrize("text", [b"", b"\n", b"two words", b"\xff", "hvs.ä".encode(), b"a\nb"])
def test_a_file_without_a_token_is_said(vault: VaultDouble, tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "token"
    file.write_bytes(text)
    env = {"RUNFOLD_VAULT_ADDR": vault.address, "RUNFOLD_VAULT_TOKEN_FILE": str(file)}
    found = vault_of(env, {})
    assert found is not None
    with pytest.raises(SecretsUnavailableError, match="TOKEN_FILE names a file from which no"):
        VaultSecrets(found).get("crm", "acme")
