"""One contract for secrets, kept in the environment, in files, in a Vault and in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from runfold.infra.logging.masking import values_of
from runfold.infra.secrets.environment import EnvironmentSecrets, variable_of
from runfold.infra.secrets.files import FileSecrets
from runfold.infra.secrets.memory import MemorySecrets
from runfold.infra.secrets.port import SecretStore, SecretsUnavailableError
from runfold.infra.secrets.vault import VaultSecrets
from runfold.infra.secrets.vault_http import VaultPlace
from tests.support.vault import VaultDouble, vault_double

Holding = Callable[[Mapping[str, str]], SecretStore]


@pytest.fixture(scope="module")
def vault() -> Iterator[VaultDouble]:
    with vault_double() as double:
        yield double


@pytest.fixture(params=["memory", "environment", "files", "vault"])
def holding(request: pytest.FixtureRequest, tmp_path: Path, vault: VaultDouble) -> Holding:
    def in_vault(values: Mapping[str, str]) -> SecretStore:
        vault.entries = {f"secret/data/runfold/{n}": {"value": v} for n, v in values.items()}
        return VaultSecrets(VaultPlace(vault.address, lambda: "hvs.token"))

    def files(values: Mapping[str, str]) -> SecretStore:
        for name, value in values.items():
            (tmp_path / name).write_text(value, encoding="utf-8")
        return FileSecrets(tmp_path)

    kinds: dict[str, Holding] = {
        "memory": MemorySecrets,
        "environment": lambda values: EnvironmentSecrets(
            {variable_of(name): value for name, value in values.items()}
        ),
        "files": files,
        "vault": in_vault,
    }
    return kinds[request.param]


@pytest.mark.parametrize("name", ["crm", "crm.api-key", "CRM_KEY", "k8s_1"])
@pytest.mark.parametrize("value", ["s", "two words", 'a"b\\c', "ä€", "line one\nline two", " x "])
def test_what_is_held_is_given_as_it_is(holding: Holding, name: str, value: str) -> None:
    store = holding({name: value, "other": "no"})
    assert store.get(name, "acme") == value
    assert store.get(name, "globex") == value


@pytest.mark.parametrize("name", ["", ".", "..", "../held", "a/../held", "/held", "absent", "\0"])
def test_a_name_of_nothing_gives_nothing(holding: Holding, name: str) -> None:
    assert holding({"held": "value"}).get(name, "acme") is None


def test_an_empty_value_is_no_secret(holding: Holding) -> None:
    assert holding({"empty": ""}).get("empty", "acme") is None


def test_the_last_line_break_of_a_file_is_not_part_of_the_secret(tmp_path: Path) -> None:
    (tmp_path / "crm").write_bytes(b"value\r\n")
    assert FileSecrets(tmp_path).get("crm", "acme") == "value"


def test_a_file_that_is_exchanged_is_read_again(tmp_path: Path) -> None:
    store = FileSecrets(tmp_path)
    (tmp_path / "crm").write_text("old", encoding="utf-8")
    assert store.get("crm", "acme") == "old"
    (tmp_path / "crm").write_text("new", encoding="utf-8")
    assert store.get("crm", "acme") == "new"


def test_a_file_that_cannot_be_read_is_said_without_its_value(tmp_path: Path) -> None:
    (tmp_path / "crm").write_bytes(b"\xff\xfe secret")
    with pytest.raises(SecretsUnavailableError, match=r"'crm' cannot be read: UnicodeDecodeError"):
        FileSecrets(tmp_path).get("crm", "acme")


@pytest.mark.parametrize(
    ("kept", "value"),
    [(b"a\r\nb\r\n", "a\r\nb"), (b"a\rb\n", "a\rb"), (b"a\n\n", "a\n"), (b" a \n", " a ")],
)
def test_a_file_is_a_secret_as_it_is_but_for_its_last_line_break(
    tmp_path: Path, kept: bytes, value: str
) -> None:
    (tmp_path / "crm").write_bytes(kept)
    assert FileSecrets(tmp_path).get("crm", "acme") == value


def test_what_is_masked_of_a_file_is_what_a_tool_is_given(tmp_path: Path) -> None:
    (tmp_path / "crm").write_bytes(b"first line\r\nsecond line\r\n")
    value = FileSecrets(tmp_path).get("crm", "acme")
    assert values_of({"RUNFOLD_SECRETS_FOLDER": str(tmp_path)}) == (value,)
