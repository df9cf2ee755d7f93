"""Why brokers let nobody in, in one sentence each: told from brokers that do not answer."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping, Sequence

from runfold.infra.kafka.hearing import Complaint

_SECONDS = 3.0
_CLOSED_OFTEN = 3
"""A broker that stops closes connections too; one that wants something else does so each time."""


def refusal(complaints: Sequence[Complaint], kafka: Mapping[str, object]) -> str:
    """Return why brokers that are there refuse this client; "" where they may just be away."""
    for each in complaints:
        if said := _by_words(each, kafka):
            return said
    closed = [each for each in complaints if each.said.startswith("Disconnected")]
    return _closed(closed, kafka) if closed else ""


def principal(kafka: Mapping[str, object]) -> str:
    """Return as whom this client is known to the brokers, as far as it can be told from here."""
    if name := kafka.get("sasl.username"):
        return f"User:{name}"
    protocol = str(kafka.get("security.protocol", "plaintext")).upper()
    if protocol.startswith("SASL"):
        return f"the principal of {kafka.get('sasl.mechanism', 'GSSAPI')}"
    if kafka.get("ssl.certificate.location") or kafka.get("ssl.keystore.location"):
        return "the principal of the client's certificate"
    return "User:ANONYMOUS"


def _by_words(each: Complaint, kafka: Mapping[str, object]) -> str:
    said, where = each.said, f"{each.host}:{each.port}"
    if "mechanism handshake failed" in said:
        return _mechanism(said, where, kafka)
    if "SASL" in said and "auth" in said.lower():
        return (
            f"Kafka at {where} does not accept {principal(kafka)} ({said}): check "
            "KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD, or what the mechanism needs instead."
        )
    return _by_words_of_tls(each, kafka)


def _by_words_of_tls(each: Complaint, kafka: Mapping[str, object]) -> str:
    said, where = each.said, f"{each.host}:{each.port}"
    if "PLAINTEXT broker listener" in said or "wrong version number" in said:
        return (
            f"Kafka at {where} does not speak TLS on this port: set KAFKA_SECURITY_PROTOCOL to "
            f"{_without_tls(kafka)}, or name the port of a TLS listener."
        )
    if "certificate verify failed" in said:
        return _certificate(each, kafka)
    if "certificate required" in said or "bad certificate" in said:
        return (
            f"Kafka at {where} does not accept this client's certificate ({said}): set "
            "KAFKA_SSL_CERTIFICATE_LOCATION and KAFKA_SSL_KEY_LOCATION to one that it knows."
        )
    if "SSL handshake failed" in said and "Disconnected" not in said:
        return f"Kafka at {where} and this client find no common TLS: {said}."
    return ""


def _mechanism(said: str, where: str, kafka: Mapping[str, object]) -> str:
    _, _, known = said.partition("supported mechanisms:")
    if known.strip(" ."):
        return (
            f"Kafka at {where} does not know the mechanism {kafka.get('sasl.mechanism', 'GSSAPI')}"
            f": set KAFKA_SASL_MECHANISM to one that it has ({known.strip(' .')})."
        )
    return (
        f"Kafka at {where} asks for no credentials on this port: set KAFKA_SECURITY_PROTOCOL to "
        f"{'SSL' if _tls(kafka) else 'PLAINTEXT'}, or name the port of a SASL listener."
    )


def _certificate(each: Complaint, kafka: Mapping[str, object]) -> str:
    where, why = f"{each.host}:{each.port}", _why_not_verified(each, kafka)
    if "mismatch" in why or "not valid for" in why:
        return (
            f"Kafka at {where} shows a certificate for another host ({why}): name the brokers in "
            "KAFKA_BOOTSTRAP_SERVERS, and in their advertised listeners, as the certificate does."
        )
    if "expired" in why or "not yet valid" in why:
        return f"The certificate of Kafka at {where} does not hold now ({why}): have it renewed."
    return (
        f"The certificate of Kafka at {where} is signed by nobody known here ({why}): set "
        "KAFKA_SSL_CA_LOCATION to the file with the certificate of its authority."
    )


def _why_not_verified(each: Complaint, kafka: Mapping[str, object]) -> str:
    """Return what is wrong with a certificate; the client itself does not say it."""
    authority = kafka.get("ssl.ca.location")
    try:
        context = ssl.create_default_context(cafile=str(authority) if authority else None)
        context.check_hostname = kafka.get("ssl.endpoint.identification.algorithm") != "none"
        _handshake(each, context)
    except ssl.SSLCertVerificationError as error:
        return error.verify_message.rstrip(".")
    except OSError:
        pass
    return "it cannot be verified"


def _closed(closed: Sequence[Complaint], kafka: Mapping[str, object]) -> str:
    first = closed[0]
    where = f"{first.host}:{first.port}"
    if not _tls(kafka) and _speaks_tls(first):
        return (
            f"Kafka at {where} speaks TLS on this port: set KAFKA_SECURITY_PROTOCOL to "
            f"{'SASL_SSL' if _sasl(kafka) else 'SSL (or SASL_SSL)'}, and KAFKA_SSL_CA_LOCATION, "
            "or name the port of a listener without TLS."
        )
    ready = [each for each in closed if each.state == "UP"]
    if len(ready) >= _CLOSED_OFTEN and not _sasl(kafka):
        return (
            f"Kafka at {where} answers and then closes the connection, as it does to clients "
            "without credentials: set KAFKA_SECURITY_PROTOCOL to "
            f"{'SASL_SSL' if _tls(kafka) else 'SASL_PLAINTEXT'}, KAFKA_SASL_MECHANISM, "
            "KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD."
        )
    return ""


def _speaks_tls(each: Complaint) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        _handshake(each, context)
    except ssl.SSLError as error:
        # A TLS server that wants more than we offer answers in TLS all the same.
        return "ALERT" in str(error.reason or "")
    except OSError:
        return False
    return True


def _handshake(each: Complaint, context: ssl.SSLContext) -> None:
    place = each.host.strip("[]"), each.port
    with (
        socket.create_connection(place, _SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=place[0]),
    ):
        pass


def _protocol(kafka: Mapping[str, object]) -> str:
    return str(kafka.get("security.protocol", "plaintext")).upper()


def _tls(kafka: Mapping[str, object]) -> bool:
    return _protocol(kafka).endswith("SSL")


def _sasl(kafka: Mapping[str, object]) -> bool:
    return _protocol(kafka).startswith("SASL")


def _without_tls(kafka: Mapping[str, object]) -> str:
    return "SASL_PLAINTEXT" if _sasl(kafka) else "PLAINTEXT"
