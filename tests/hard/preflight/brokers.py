"""Brokers as other people set them up: with listeners of every kind, an authorizer, own bounds."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from runfold.infra.kafka.rights import Right
from runfold.stack import ports
from runfold.stack.home import Home
from runfold.stack.kafka import java
from runfold.stack.kafka.broker import Broker
from runfold.stack.settings import Settings
from runfold.stack.supervisor.member import Member, Patience
from tests.support.stack import embedded_settings, wait_until

USERS = (
    *("runs", "tools", "projector", "gateway", "delivery", "monitor", "prepare", "cli"),
    *("some", "nobody"),
)
"""Users that the brokers know and that may nothing unless it is granted."""

PASSWORD = "changeit"
"""Of every key store."""

_LISTENERS = {
    "SASL": "SASL_PLAINTEXT",
    "TLS": "SSL",
    "OTHER": "SSL",
    "SASLTLS": "SASL_SSL",
    "SCRAM": "SASL_SSL",
    "MTLS": "SSL",
    "LOST": "PLAINTEXT",
}
_KINDS = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactional-id": ResourceType.TRANSACTIONAL_ID,
    "cluster": ResourceType.BROKER,
}
_UP_S = 120.0


@dataclass
class OwnBroker(Broker):
    """A broker that is told more than the embedded one; the later line counts."""

    more: Mapping[str, str] = field(default_factory=dict)

    def _properties(self, port: int, controller_port: int, data: Path) -> str:
        lines = "".join(f"{name}={value}\n" for name, value in self.more.items())
        return super()._properties(port, controller_port, data) + lines


@dataclass
class Secured:
    """A broker with a listener of each kind: ``at`` gives the address of one by its name.

    ``TLS`` shows a certificate for 127.0.0.1, ``OTHER`` one for another host, ``LOST`` advertises
    an address where nobody is. Through ``PLAIN`` everybody may do everything.
    """

    settings: Settings
    folder: Path
    ports: Mapping[str, int]

    def at(self, listener: str) -> dict[str, str]:
        """Return the settings of a client without any security."""
        return {"bootstrap.servers": f"127.0.0.1:{self.ports[listener]}"}

    def certificate(self, name: str) -> str:
        """Return the file with a certificate."""
        return str(self.folder / f"{name}.pem")

    def sasl(self, user: str, listener: str = "SASL") -> dict[str, str]:
        """Return the settings of a client that is a user."""
        return {
            **self.at(listener),
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "PLAIN",
            "sasl.username": user,
            "sasl.password": f"{user}-secret",
        }

    def tls(self, listener: str = "TLS", authority: str = "right") -> dict[str, str]:
        """Return the settings of a client that trusts an authority."""
        return {
            **self.at(listener),
            "security.protocol": "SSL",
            "ssl.ca.location": self.certificate(authority),
        }

    def scram(self, user: str) -> dict[str, str]:
        """Return the settings of a client that is a user of ``enlist``, over TLS."""
        return {
            **self.tls("SCRAM"),
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": user,
            "sasl.password": f"{user}-secret",
        }

    def by_certificate(self) -> dict[str, str]:
        """Return the settings of a client that is ``User:CN=client`` by its certificate."""
        return {
            **self.tls("MTLS"),
            "ssl.keystore.location": str(self.folder / "client.p12"),
            "ssl.keystore.password": PASSWORD,
        }

    def enlist(self, *users: str) -> None:
        """Let the brokers know users by SCRAM."""
        admin = AdminClient({**self.at("PLAIN")})
        wanted = [
            UserScramCredentialUpsertion(
                user,
                ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096),
                f"{user}-secret".encode(),
            )
            for user in users
        ]
        for future in admin.alter_user_scram_credentials(wanted).values():
            future.result()

    def allow(self, user: str, rights: Sequence[Right], *, deny: bool = False) -> None:
        """Give a user rights, or deny them."""
        which = AclPermissionType.DENY if deny else AclPermissionType.ALLOW
        rules = [
            AclBinding(
                _KINDS[right.kind],
                right.name,
                ResourcePatternType.PREFIXED if right.prefixed else ResourcePatternType.LITERAL,
                f"User:{user}",
                "*",
                AclOperation[right.operation],
                which,
            )
            for right in dict.fromkeys(rights)
        ]
        admin = AdminClient({**self.at("PLAIN")})
        for future in admin.create_acls(rules).values():
            future.result()


def secured_settings(settings: Settings, kafka: dict[str, str]) -> Settings:
    """Return settings with which processes connect as such a client."""
    own = {name: value for name, value in kafka.items() if name != "bootstrap.servers"}
    there = settings.at(kafka["bootstrap.servers"], settings.database_url)
    return replace(there, kafka_options=tuple(sorted(own.items())))


@contextmanager
def broker(home: Path, more: Mapping[str, str]) -> Iterator[OwnBroker]:
    """A broker of one's own in a home, up until the block ends."""
    settings = embedded_settings(home)
    found = Home(settings.home)
    found.prepare()
    own = OwnBroker(found, settings.cache, more=more)
    member = Member(own, Patience(ends=2))
    member.start()

    def up() -> bool:
        member.watch(time.monotonic())
        assert member.state != "failed", member.reason
        return member.state == "running"

    try:
        wait_until(up, _UP_S)
        yield own
    finally:
        member.stop()


@contextmanager
def secured(home: Path) -> Iterator[Secured]:
    """A broker with every kind of listener and an authorizer, up until the block ends."""
    Home(home).prepare()
    claimed = ports.claim(Home(home).run / "ports.json", ("kafka", "controller", *_LISTENERS))
    _make_certificate(home, "right", "ip:127.0.0.1,dns:localhost")
    _make_certificate(home, "other", "dns:elsewhere.example")
    _make_certificate(home, "client", "dns:client.example")
    _trust(home, "client")
    with broker(home, _told(home, claimed)) as own:
        settings = embedded_settings(home).at(own.bootstrap_servers, "")
        yield Secured(settings, home, {**claimed, "PLAIN": claimed["kafka"]})


def _told(home: Path, claimed: Mapping[str, int]) -> dict[str, str]:
    place = {name: f"127.0.0.1:{port}" for name, port in claimed.items()}
    listeners = [f"{name}://{place[name]}" for name in _LISTENERS]
    advertised = [each for each in listeners if not each.startswith("LOST")]
    users = " ".join(f'user_{user}="{user}-secret"' for user in USERS)
    known = f"org.apache.kafka.common.security.plain.PlainLoginModule required {users};"
    kinds = ",".join(f"{name}:{kind}" for name, kind in _LISTENERS.items())
    return {
        "listeners": ",".join(
            [f"PLAINTEXT://{place['kafka']}", f"CONTROLLER://{place['controller']}", *listeners]
        ),
        "advertised.listeners": ",".join(
            [f"PLAINTEXT://{place['kafka']}", *advertised, "LOST://127.0.0.1:1"]
        ),
        "listener.security.protocol.map": f"PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,{kinds}",
        "inter.broker.listener.name": "PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "listener.name.scram.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.scram.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "listener.name.mtls.ssl.client.auth": "required",
        "listener.name.mtls.ssl.truststore.type": "PKCS12",
        "listener.name.mtls.ssl.truststore.location": str(home / "trusted.p12"),
        "listener.name.mtls.ssl.truststore.password": PASSWORD,
        **{f"listener.name.{name}.plain.sasl.jaas.config": known for name in ("sasl", "sasltls")},
        **{
            f"listener.name.{name}.ssl.keystore.{setting}": value
            for name, file in (
                *((each, "right") for each in ("tls", "sasltls", "scram", "mtls")),
                ("other", "other"),
            )
            for setting, value in (
                ("type", "PKCS12"),
                ("location", str(home / f"{file}.p12")),
                ("password", PASSWORD),
            )
        },
    }


def _make_certificate(folder: Path, name: str, names: str) -> None:
    """Make a certificate that is its own authority."""
    tool = str(java.find().program.with_name("keytool"))
    store = ["-keystore", str(folder / f"{name}.p12"), "-storepass", PASSWORD, "-alias", "a"]
    made = ["-genkeypair", "-keyalg", "EC", "-dname", f"CN={name}", "-ext", f"san={names}"]
    for step in (
        [tool, *made, "-storetype", "PKCS12", "-validity", "30", *store],
        [tool, "-exportcert", "-rfc", "-file", str(folder / f"{name}.pem"), *store],
    ):
        subprocess.run(step, check=True, capture_output=True, timeout=120)


def _trust(folder: Path, name: str) -> None:
    """Put a certificate among those that the brokers accept of clients."""
    tool = str(java.find().program.with_name("keytool"))
    into = ["-keystore", str(folder / "trusted.p12"), "-storetype", "PKCS12"]
    given = ["-file", str(folder / f"{name}.pem"), "-alias", name, "-storepass", PASSWORD]
    step = [tool, "-importcert", "-noprompt", *into, *given]
    subprocess.run(step, check=True, capture_output=True, timeout=120)
