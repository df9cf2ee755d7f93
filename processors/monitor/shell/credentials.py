"""The security settings of librdkafka, as Faust wants them."""

from __future__ import annotations

import ssl
from collections.abc import Mapping

import faust
from faust.auth import Credentials

from runfold.infra.settings.config import ConfigError

_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


def credentials_of(kafka: Mapping[str, str]) -> Credentials | None:
    """Return Faust's credentials, None for a plain broker; raises ConfigError for other kinds."""
    protocol = kafka.get("security.protocol", "plaintext").upper()
    if protocol == "PLAINTEXT":
        return None
    context = _context(kafka) if protocol.endswith("SSL") else None
    if protocol == "SSL":
        return faust.SSLCredentials(context)
    mechanism = kafka.get("sasl.mechanism", kafka.get("sasl.mechanisms", "")).upper()
    if protocol not in {"SASL_PLAINTEXT", "SASL_SSL"} or mechanism not in _MECHANISMS:
        raise ConfigError(
            f"The monitor cannot log in by {protocol} {mechanism}: set KAFKA_SECURITY_PROTOCOL to "
            f"SSL, SASL_PLAINTEXT or SASL_SSL, and KAFKA_SASL_MECHANISM to one of "
            f"{', '.join(_MECHANISMS)}."
        )
    return faust.SASLCredentials(
        username=kafka.get("sasl.username", ""),
        password=kafka.get("sasl.password", ""),
        mechanism=mechanism,
        ssl_context=context,
    )


def _context(kafka: Mapping[str, str]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=kafka.get("ssl.ca.location"))
        certificate = kafka.get("ssl.certificate.location")
        if certificate:
            context.load_cert_chain(
                certificate, kafka.get("ssl.key.location"), kafka.get("ssl.key.password")
            )
    except OSError as error:
        raise ConfigError(f"The monitor cannot use the KAFKA_SSL_* files: {error}") from error
    if kafka.get("ssl.endpoint.identification.algorithm") == "none":
        context.check_hostname = False
    return context
