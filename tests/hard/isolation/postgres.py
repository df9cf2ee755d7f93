"""A real Postgres that takes nobody in who does not speak TLS and prove a password by SCRAM."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from runfold.infra.database.address import in_schema
from runfold.stack.home import UNPRIVILEGED, Home
from runfold.stack.postgres import binaries, server
from runfold.stack.postgres.server import Postgres
from runfold.stack.supervisor.member import Member, Patience
from tests.support.stack import wait_until

_HBA = "hostssl all all 127.0.0.1/32 scram-sha-256\n"


def missing() -> str:
    """Return why there can be no such server here, empty where there can."""
    programs = binaries._system()
    if programs is None:
        return "no Postgres of the system here; the embedded one is built without TLS"
    if shutil.which("openssl") is None:
        return "no openssl here, which makes the server's certificate"
    told = subprocess.run(
        [str(programs / "pg_config"), "--configure"], capture_output=True, text=True, check=False
    )
    return "" if "openssl" in told.stdout else "this Postgres is built without TLS"


@dataclass(frozen=True, slots=True)
class Guarded:
    """The server's address as its superuser has it, and the file of who signed its certificate."""

    url: str
    authority: Path

    def of(self, user: str, password: str) -> str:
        """Return the address of a user who verifies the server."""
        parts = urlsplit(self.url)
        place = parts.netloc.rpartition("@")[2]
        query = f"sslmode=verify-full&sslrootcert={quote(str(self.authority), safe='')}"
        url = parts._replace(netloc=f"{user}:{password}@{place}", query=query).geturl()
        return in_schema(url, "runfold")


@contextmanager
def guarded(folder: Path, monkeypatch: object) -> Iterator[Guarded]:
    """Run the server until the block ends."""
    home = Home(folder)
    home.prepare()
    _certificate(folder)
    (folder / "hba.conf").write_text(_HBA)
    for name in ("key.pem", "cert.pem", "hba.conf"):
        shutil.chown(folder / name, UNPRIVILEGED)
        (folder / name).chmod(0o600)
    folder.chmod(0o711)
    monkeypatch.setattr(server, "find", lambda _home: binaries._system())  # type: ignore[attr-defined]
    options = {
        "ssl": "on",
        "ssl_cert_file": str(folder / "cert.pem"),
        "ssl_key_file": str(folder / "key.pem"),
        "hba_file": str(folder / "hba.conf"),
    }
    own = Postgres(home, options=options)
    member = Member(own, Patience(ends=2))
    member.start()

    def up() -> bool:
        member.watch(time.monotonic())
        assert member.state != "failed", member.reason
        return member.state == "running"

    authority = folder / "authority.pem"
    shutil.copy(folder / "cert.pem", authority)
    authority.chmod(0o644)
    try:
        wait_until(up, 120)
        yield Guarded(own.database_url, authority)
    finally:
        member.stop()


def _certificate(folder: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "30", "-subj", "/CN=database", "-addext",
         "subjectAltName=IP:127.0.0.1", "-keyout", str(folder / "key.pem"), "-out",
         str(folder / "cert.pem")],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
