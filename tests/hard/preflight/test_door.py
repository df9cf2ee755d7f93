"""Brokers that let nobody in say why, and are told from brokers that do not answer."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka.admin import BrokerMetadata  # type: ignore[attr-defined]

from runfold.infra.kafka import entering
from runfold.infra.kafka.errors import KafkaAwayError, KafkaUnfitError, UnreachableError
from runfold.infra.kafka.hearing import Complaint, complaint_in
from runfold.infra.kafka.preflight import need
from tests.hard.preflight.brokers import Secured

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

Kafka = dict[str, str]

REFUSED: dict[str, tuple[Callable[[Secured], Kafka], str]] = {
    "wrong password": (
        lambda it: {**it.sasl("cli"), "sasl.password": "guessed"},
        "does not accept User:cli .*check KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD",
    ),
    "unknown user": (
        lambda it: it.sasl("stranger"),
        "does not accept User:stranger",
    ),
    "wrong mechanism": (
        lambda it: {**it.sasl("cli"), "sasl.mechanism": "SCRAM-SHA-512"},
        r"does not know the mechanism SCRAM-SHA-512: set KAFKA_SASL_MECHANISM to .*\(PLAIN\)",
    ),
    "no credentials": (
        lambda it: it.at("SASL"),
        "closes the connection, .*set KAFKA_SECURITY_PROTOCOL to SASL_PLAINTEXT",
    ),
    "no credentials over TLS": (
        lambda it: it.tls("SASLTLS"),
        "closes the connection, .*set KAFKA_SECURITY_PROTOCOL to SASL_SSL",
    ),
    "credentials that nobody asks for": (
        lambda it: it.sasl("cli", "PLAIN"),
        "asks for no credentials on this port: set KAFKA_SECURITY_PROTOCOL to PLAINTEXT",
    ),
    "plaintext to TLS": (
        lambda it: it.at("TLS"),
        r"speaks TLS on this port: set KAFKA_SECURITY_PROTOCOL to SSL \(or SASL_SSL\)",
    ),
    "SASL in plaintext to TLS": (
        lambda it: it.sasl("cli", "SASLTLS"),
        "speaks TLS on this port: set KAFKA_SECURITY_PROTOCOL to SASL_SSL",
    ),
    "TLS to plaintext": (
        lambda it: it.tls("PLAIN"),
        "does not speak TLS on this port: set KAFKA_SECURITY_PROTOCOL to PLAINTEXT",
    ),
    "TLS to SASL": (
        lambda it: it.tls("SASL"),
        "does not speak TLS on this port",
    ),
    "unknown authority": (
        lambda it: it.tls(authority="other"),
        "signed by nobody known here .*set KAFKA_SSL_CA_LOCATION",
    ),
    "another host": (
        lambda it: it.tls("OTHER", authority="other"),
        r"shows a certificate for another host \(.*127\.0\.0\.1",
    ),
    "no such file": (
        lambda it: {**it.tls(), "ssl.ca.location": "/nowhere.pem"},
        r"ssl\.ca\.location failed.*correct the KAFKA_… variable",
    ),
    "no such protocol": (
        lambda it: {**it.at("PLAIN"), "security.protocol": "TLS"},
        'Invalid value "TLS" for configuration property "security.protocol"',
    ),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_who_is_not_let_in_is_told_why_at_once(guarded: Secured, fault: str) -> None:
    settings, said = REFUSED[fault]
    # A wait that would be noticed: what no waiting changes is not waited for.
    with pytest.raises(KafkaUnfitError, match=said) as told:
        need(settings(guarded), wait_s=3600)
    assert "\n" not in str(told.value)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("listener", ["PLAIN", "SASL", "TLS", "SASLTLS"])
def test_who_is_let_in_is_told_nothing(guarded: Secured, listener: str) -> None:
    settings = {
        "PLAIN": guarded.at("PLAIN"),
        "SASL": guarded.sasl("nobody"),
        "TLS": guarded.tls(),
        "SASLTLS": {
            **guarded.tls("SASLTLS"),
            **guarded.sasl("nobody", "SASLTLS"),
            "security.protocol": "SASL_SSL",
        },
    }
    need(settings[listener])


def test_an_advertised_address_that_does_not_answer_is_named_beside_the_one_that_does(
    guarded: Secured,
) -> None:
    lost = guarded.at("LOST")
    with pytest.raises(UnreachableError) as told:
        need(lost)
    said = str(told.value)
    assert f"answers at {lost['bootstrap.servers']}, and sends its clients to 127.0.0.1:1" in said
    assert "correct advertised.listeners" in said


def test_one_of_several_brokers_that_does_not_answer_keeps_nobody_from_the_others(
    guarded: Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have died a moment ago, and its cluster still names it."""
    found = entering._brokers

    def with_another(*arguments: Any) -> dict[int, Any]:
        brokers = found(*arguments)
        gone: Any = BrokerMetadata()
        gone.id, gone.host, gone.port = 7, "127.0.0.1", 1
        return {**brokers, 7: gone}

    monkeypatch.setattr(entering, "_brokers", with_another)
    heard: list[str] = []
    need(guarded.at("PLAIN"), tell=heard.append)
    assert len(heard) == 1
    assert "sends its clients to 127.0.0.1:1 for broker 7, where nobody answers" in heard[0]


@pytest.mark.parametrize(
    ("address", "why"),
    [("127.0.0.1:1", "Connection refused"), ("nowhere.invalid:9092", "Failed to resolve")],
)
def test_nobody_there_is_told_from_a_closed_door(address: str, why: str) -> None:
    with pytest.raises(KafkaAwayError, match=f"{address} does not answer .*{why}"):
        need({"bootstrap.servers": address})


def test_somebody_who_says_nothing_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(KafkaAwayError, match="does not answer"):
            need({"bootstrap.servers": f"127.0.0.1:{port}"})


def test_brokers_that_are_away_are_waited_for(guarded: Secured) -> None:
    """A door that opens later: somebody forwards to the broker from then on."""
    heard: list[str] = []
    settings = guarded.at("PLAIN")

    def tell(line: str) -> None:
        heard.append(line)
        settings["bootstrap.servers"] = guarded.at("PLAIN")["bootstrap.servers"]

    settings["bootstrap.servers"] = "127.0.0.1:1"
    began = time.monotonic()
    need(settings, wait_s=60, tell=tell)
    assert len(heard) == 1
    assert "waiting for Kafka: Kafka at 127.0.0.1:1 does not answer" in heard[0]
    assert time.monotonic() - began < 60


def test_a_line_of_the_client_s_log_is_taken_apart() -> None:
    head = "FAIL [rdkafka#producer-2] [thrd:sasl_ssl://[::1]:9/7]: sasl_ssl://[::1]:9/7: "
    whole = head + "SASL authentication error: no: at all (after 304ms in state AUTH_REQ, 2 more)"
    assert complaint_in(whole) == Complaint(
        "[::1]", 9, "7", "SASL authentication error: no: at all", "AUTH_REQ"
    )
    assert complaint_in("CONFWARN [rdkafka] nothing of a connection") is None
