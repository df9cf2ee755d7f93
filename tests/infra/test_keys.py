"""Keys whose store fails, keys in memory, and what a sealed value is bound to."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.definitions.tenancy.tenants import WrappedKey
from runfold.events.errors import KeysUnavailableError, ShutError
from runfold.events.sealing.keys import Gone
from runfold.events.sealing.sealing import Sealing
from runfold.infra.keys.chosen import key_store
from runfold.infra.keys.data_key import AesDataKey
from runfold.infra.keys.file import FileKeys
from runfold.infra.keys.memory import MemoryKeys
from runfold.infra.keys.port import KeyLostError, KeyStoreDeniedError
from runfold.infra.keys.ring import KeyRing
from runfold.infra.keys.vault import TransitKeys
from runfold.infra.secrets.vault_http import VaultPlace
from runfold.infra.settings.errors import ConfigError
from runfold.processors.definitions.sealing import told
from runfold.stack.processes import telling
from tests.support.transit import transit_double

KEY = b"k" * 32
ID = b"i" * 12
AT = datetime(2026, 1, 1, tzinfo=UTC)


def transit(address: str, whole_s: float = 5.0) -> TransitKeys:
    return TransitKeys(VaultPlace(address, lambda: "hvs.token"), "transit", whole_s)


def test_a_vault_that_is_away_slow_sealed_or_denies_is_asked_again() -> None:
    with transit_double() as vault:
        wrapped = transit(vault.address).wrap("1-acme", KEY)
        vault.status = 503
        with pytest.raises(KeysUnavailableError, match="503; it is asked again"):
            transit(vault.address).unwrap("1-acme", wrapped)
        vault.status, vault.denied = 0, ("POST decrypt",)
        with pytest.raises(KeysUnavailableError, match="the token may not use it"):
            transit(vault.address).unwrap("1-acme", wrapped)
        vault.denied, vault.slow_s = (), 2.0
        with pytest.raises(KeysUnavailableError, match="does not answer"):
            transit(vault.address, 0.2).unwrap("1-acme", wrapped)
        vault.slow_s = 0.0
        assert transit(vault.address).unwrap("1-acme", wrapped) == KEY
        address = vault.address
    with pytest.raises(KeysUnavailableError, match="does not answer"):
        transit(address).unwrap("1-acme", wrapped)


def test_a_vault_that_lost_the_key_says_so_and_one_that_keeps_it_is_told_of() -> None:
    with transit_double() as vault:
        wrapped = transit(vault.address).wrap("1-acme", KEY)
        vault.denied = ("DELETE",)
        with pytest.raises(KeyStoreDeniedError, match="transit/keys/runfold-1-acme"):
            transit(vault.address).destroy("1-acme")
        vault.keys.clear()
        with pytest.raises(KeyLostError, match="restore it from the server's back-up"):
            transit(vault.address).unwrap("1-acme", wrapped)


def test_a_mount_that_is_not_there_is_a_setting_to_mend() -> None:
    with transit_double() as vault:
        keys = TransitKeys(VaultPlace(vault.address, lambda: "hvs.token"), "elsewhere")
        with pytest.raises(KeysUnavailableError, match="nothing is mounted at elsewhere"):
            keys.unwrap("1-acme", b"vault:v1:x")


def test_a_file_of_keys_is_its_owner_s_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "keys.json"
    wrapped = FileKeys(path).wrap("1-acme", KEY)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    path.chmod(0o644)
    with pytest.raises(KeysUnavailableError, match="chmod 600"):
        FileKeys(path).unwrap("1-acme", wrapped)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"keys": 1}', '{"keys": {"a": 1}}', "\0"])
def test_a_file_that_is_damaged_loses_no_key(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.json"
    wrapped = FileKeys(path).wrap("1-acme", KEY)
    path.write_text(text)

    with pytest.raises(KeysUnavailableError):
        FileKeys(path).unwrap("1-acme", wrapped)
    with pytest.raises(KeysUnavailableError):
        FileKeys(path).wrap("1-acme", KEY)
    assert path.read_text() == text


@pytest.mark.parametrize(
    "versions",
    [{"1": "!!"}, {"1": "x"}, {"1": "c2hvcnQ="}, {"1": ""}, {"9" * 10: "x"}, {"9" * 5000: "x"},
     {"-1": "x"}, {"0": "x"}, {"\u0661": "x"}],
)  # fmt: skip
def test_a_key_that_is_damaged_wraps_nothing(tmp_path: Path, versions: dict[str, str]) -> None:
    path = tmp_path / "keys.json"
    keys = FileKeys(path)
    wrapped = keys.wrap("1-acme", KEY)
    path.write_text(json.dumps({"keys": {"1-acme": versions}}))
    with pytest.raises(KeysUnavailableError, match="restore"):
        keys.wrap("1-acme", KEY)
    with pytest.raises((KeysUnavailableError, KeyLostError), match="restore"):
        keys.unwrap("1-acme", wrapped)
    assert json.loads(path.read_text()) == {"keys": {"1-acme": versions}}


def test_a_file_that_is_away_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    wrapped = FileKeys(path).wrap("1-acme", KEY)
    path.rename(tmp_path / "elsewhere")

    with pytest.raises(KeysUnavailableError, match="cannot be used"):
        FileKeys(path).unwrap("1-acme", wrapped)


class Log:
    """The wrapped keys that a ring follows."""

    def __init__(self, *keys: WrappedKey) -> None:
        self.keys = list(keys)

    @property
    def seals(self) -> bool:
        return bool(self.keys)

    def sealing_key(self, tenant: str, data_class: str = "") -> WrappedKey | None:
        return next((each for each in reversed(self.keys) if each.tenant == tenant), None)

    def key(self, key_id: bytes) -> WrappedKey | None:
        return next((each for each in self.keys if each.id == key_id), None)


def ring_of(store: MemoryKeys, log: Log) -> KeyRing:
    ring = KeyRing(store)
    ring.follow(lambda: log, lambda: None)
    return ring


def wrapped_key(store: MemoryKeys, tenant: str = "acme", key_id: bytes = ID) -> WrappedKey:
    wrapped = store.wrap(f"1-{tenant}", KEY)
    return WrappedKey(1, key_id, tenant, wrapped, f"1-{tenant}", "", AT, erased=False)


def test_a_key_is_unwrapped_once_and_goes_on_while_its_store_is_away() -> None:
    store = MemoryKeys()
    ring = ring_of(store, Log(wrapped_key(store)))
    ring.current("acme")
    store.away = True

    assert ring.current("acme") is ring.find(ID)
    assert store.asked == 1
    with pytest.raises(KeysUnavailableError):
        ring_of(store, Log(wrapped_key_of(store, ring))).current("acme")


def wrapped_key_of(store: MemoryKeys, ring: KeyRing) -> WrappedKey:
    known = ring._known()
    assert known is not None
    found = known.key(ID)
    assert found is not None
    return found


def test_a_lost_key_is_a_fault_of_its_tenant_alone() -> None:
    store = MemoryKeys()
    log = Log(wrapped_key(store), wrapped_key(store, "umbrella", b"j" * 12))
    store.destroy("1-acme")
    ring = ring_of(store, log)

    with pytest.raises(ShutError) as lost:
        ring.current("acme")
    assert (lost.value.code, ring.find(ID)) == ("key_lost", Gone.LOST)
    assert ring.current("umbrella") is not None


def test_an_erased_key_is_forgotten_though_it_was_in_memory() -> None:
    store = MemoryKeys()
    log = Log(wrapped_key(store))
    ring = ring_of(store, log)
    assert ring.current("acme") is not None
    log.keys[0] = log.keys[0]._replace(wrapped=b"", erased=True)

    assert ring.find(ID) is Gone.ERASED
    with pytest.raises(ShutError, match="runfold tenant seal acme"):
        ring.current("acme")


def test_a_process_without_a_store_writes_nothing_in_plain() -> None:
    store = MemoryKeys()
    ring = KeyRing(None)
    ring.follow(lambda: log, lambda: None)
    log = Log(wrapped_key(store))

    with pytest.raises(KeysUnavailableError, match="RUNFOLD_KEYS"):
        ring.current("acme")
    assert ring.current("umbrella") is None


def test_a_ring_says_why_a_key_cannot_be_had_until_it_can() -> None:
    store = MemoryKeys()
    ring = ring_of(store, Log(wrapped_key(store)))
    said = told(Codec(LockRegistry(), sealing=Sealing(ring)))
    store.away = True
    assert said() == {"unavailable": ""}
    with pytest.raises(KeysUnavailableError):
        ring.current("acme")
    assert telling._told({"keys": said()}).keys == ring.unavailable != ""
    store.away = False
    ring.current("acme")
    assert said() == {"unavailable": ""}
    assert told(Codec(LockRegistry()))() == {"unavailable": ""}


def test_an_id_that_nobody_knows_is_looked_for_on_the_log_once() -> None:
    store, looked = MemoryKeys(), []
    ring = KeyRing(store)
    ring.follow(Log, lambda: looked.append(1))

    assert [ring.find(ID), ring.find(ID), len(looked)] == [None, None, 1]


def test_a_sealed_value_opens_in_its_own_place_only() -> None:
    key = AesDataKey(ID, "acme", KEY)
    sealed = key.seal(b"here", b"word")

    assert key.open(b"here", sealed) == b"word"
    assert key.open(b"there", sealed) is None
    assert key.open(b"here", sealed[:-1] + b"x") is None
    assert key.seal(b"here", b"word") == sealed
    assert key.seal(b"there", b"word")[12:24] != sealed[12:24]
    assert repr(key) == "AesDataKey('acme')"


def test_settings_choose_the_store(tmp_path: Path) -> None:
    named = {"RUNFOLD_KEYS": "vault:/transit/"}
    known = {"RUNFOLD_VAULT_ADDR": "http://127.0.0.1:1", "RUNFOLD_VAULT_TOKEN": "hvs.token"}

    assert key_store({}) is None
    assert isinstance(key_store({"RUNFOLD_KEYS": f"file:{tmp_path}/keys"}), FileKeys)
    assert isinstance(key_store(named | known), TransitKeys)
    with pytest.raises(ConfigError, match="RUNFOLD_VAULT_ADDR"):
        key_store(named)
    with pytest.raises(ConfigError, match="RUNFOLD_KEYS must be"):
        key_store({"RUNFOLD_KEYS": "elsewhere"})
