"""What every key store must do: in memory, in a file, in a Vault's transit engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runfold.infra.keys.file import FileKeys
from runfold.infra.keys.memory import MemoryKeys
from runfold.infra.keys.port import KeyLostError, KeyStore
from runfold.infra.keys.vault import TransitKeys
from runfold.infra.secrets.vault_http import VaultPlace
from tests.support.transit import TransitDouble, transit_double

KEY = b"k" * 32


@pytest.fixture(scope="module")
def vault() -> Iterator[TransitDouble]:
    with transit_double() as double:
        yield double


@pytest.fixture(params=["memory", "file", "vault"])
def store(request: pytest.FixtureRequest, tmp_path: Path, vault: TransitDouble) -> KeyStore:
    vault.keys.clear()
    makers: dict[str, Callable[[], KeyStore]] = {
        "memory": MemoryKeys,
        "file": lambda: FileKeys(tmp_path / "keys.json"),
        "vault": lambda: TransitKeys(VaultPlace(vault.address, lambda: "hvs.token"), "transit"),
    }
    return makers[request.param]()


def test_what_was_wrapped_is_unwrapped_and_shows_nothing(store: KeyStore) -> None:
    wrapped = store.wrap("1-acme", KEY)

    assert KEY not in wrapped
    assert store.unwrap("1-acme", wrapped) == KEY


def test_a_new_version_wraps_and_the_old_one_still_unwraps(store: KeyStore) -> None:
    before = store.wrap("1-acme", KEY)
    store.rotate("1-acme")
    after = store.wrap("1-acme", KEY)

    assert [store.unwrap("1-acme", each) for each in (before, after)] == [KEY, KEY]


def test_a_key_of_another_name_does_not_unwrap(store: KeyStore) -> None:
    wrapped = store.wrap("1-acme", KEY)
    store.wrap("1-umbrella", KEY)

    with pytest.raises(KeyLostError):
        store.unwrap("1-umbrella", wrapped)


def test_what_is_destroyed_is_lost_and_may_be_destroyed_again(store: KeyStore) -> None:
    wrapped, other = store.wrap("1-acme", KEY), store.wrap("2-acme", KEY)
    store.destroy("1-acme")
    store.destroy("1-acme")

    with pytest.raises(KeyLostError):
        store.unwrap("1-acme", wrapped)
    assert store.unwrap("2-acme", other) == KEY


def test_a_name_that_was_never_given_has_no_key(store: KeyStore) -> None:
    wrapped = store.wrap("1-acme", KEY)

    with pytest.raises(KeyLostError):
        store.rotate("1-nobody")
    with pytest.raises(KeyLostError):
        store.unwrap("1-nobody", wrapped)


@pytest.mark.parametrize("name", ["1-a/b", "1-..", "1-Ä", "1- ", "1-x" * 200])
def test_any_tenant_has_a_key_of_its_own(store: KeyStore, name: str) -> None:
    wrapped = store.wrap(name, KEY)
    store.wrap("1-b", KEY)

    assert store.unwrap(name, wrapped) == KEY
