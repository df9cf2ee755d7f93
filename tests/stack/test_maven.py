"""Kafka's jars come from a mirror, over TLS that the system's trust store decides about."""

from __future__ import annotations

import gc
import hashlib
import http.server
import shutil
import ssl
import subprocess
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from runfold.stack.errors import StackError
from runfold.stack.kafka import jars

GOOD = b"the right bytes"
PATH = "/maven2/org/example/one/1.0/one-1.0.jar"


@dataclass
class Mirror:
    """A server of one jar on this machine."""

    address: str
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    file = tmp_path / "kafka-test.lock"
    file.write_text(f"org.example:one:1.0 sha256:{hashlib.sha256(GOOD).hexdigest()}\n")
    return file


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """A folder with a certificate for 127.0.0.1, its key, and the authority that signed it."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl to make a certificate with")
    folder = tmp_path / "authority"
    folder.mkdir()

    def run(*words: str) -> None:
        subprocess.run([openssl, *words], cwd=folder, check=True, capture_output=True, timeout=60)

    new = ("req", "-newkey", "rsa:2048", "-nodes")
    extensions = ("basicConstraints=critical,CA:TRUE", "keyUsage=keyCertSign")
    run(*new, "-x509", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=A company",
        "-days", "2", *(word for each in extensions for word in ("-addext", each)))  # fmt: skip
    run(*new, "-keyout", "key.pem", "-out", "one.csr", "-subj", "/CN=mirror")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    run("x509", "-req", "-in", "one.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
        "-days", "2", "-extfile", "names", "-out", "cert.pem")  # fmt: skip
    return folder


@contextmanager
def serving(tls: Path | None = None) -> Iterator[Mirror]:
    """A mirror of Maven with one jar, with TLS where a folder with a certificate is given."""
    mirror = Mirror("")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            mirror.asked.append(self.path)
            body = GOOD if self.path == PATH else b""
            self.send_response(200 if self.path == PATH else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls / "cert.pem", tls / "key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    mirror.address = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}/maven2/"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield mirror
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def refused(tmp_path: Path, lock: Path) -> str:
    """What is said where the jars of the lock cannot be had."""
    with pytest.raises(StackError) as told:
        jars.ensure(tmp_path / "cache", lock=lock)
    return str(told.value)


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """jgo leaves the connection of an answer that it does not read to the collector."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR",
                 "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)


def test_jars_come_from_the_mirror_that_is_named(
    tmp_path: Path, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as mirror:
        monkeypatch.setenv("RUNFOLD_MAVEN_MIRROR", mirror.address)
        folder = jars.ensure(tmp_path / "cache", lock=lock)

    assert (folder / "one-1.0.jar").read_bytes() == GOOD
    assert PATH in mirror.asked


def test_an_authority_of_the_system_is_trusted(
    tmp_path: Path, lock: Path, authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ssl.SSLContext
    with serving(authority) as mirror:
        monkeypatch.setenv("RUNFOLD_MAVEN_MIRROR", mirror.address)
        # OpenSSL's own name for the system's store, as an administrator would extend it.
        monkeypatch.setenv("SSL_CERT_FILE", str(authority / "ca.pem"))
        folder = jars.ensure(tmp_path / "cache", lock=lock)

    assert (folder / "one-1.0.jar").read_bytes() == GOOD
    assert ssl.SSLContext is before


def test_a_certificate_that_is_not_trusted_is_called_one(
    tmp_path: Path, lock: Path, authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(authority) as mirror:
        monkeypatch.setenv("RUNFOLD_MAVEN_MIRROR", mirror.address)
        said = refused(tmp_path, lock)

    assert "its certificate is not trusted here" in said
    assert "SSL_CERT_FILE" in said
    assert "connect this machine" not in said
    assert "127.0.0.1" not in said


def test_a_mirror_without_the_jar_is_named_without_its_password(
    tmp_path: Path, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as mirror:
        other = mirror.address.replace("://", "://me:geheim@").replace("/maven2/", "/other")
        monkeypatch.setenv("RUNFOLD_MAVEN_MIRROR", other)
        said = refused(tmp_path, lock)

    assert "Cannot fetch one-1.0.jar from the mirror that RUNFOLD_MAVEN_MIRROR names" in said
    assert "correct RUNFOLD_MAVEN_MIRROR" in said
    assert "geheim" not in said


def test_an_address_that_is_none_is_refused(
    tmp_path: Path, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNFOLD_MAVEN_MIRROR", "mirror.example")

    with pytest.raises(StackError, match=r"RUNFOLD_MAVEN_MIRROR must be an address like http"):
        jars.ensure(tmp_path / "cache", lock=lock)
