"""`make env` installs with pip's own settings, and trusts whom this system trusts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack.test_maven import authority, serving

__all__ = ["authority"]

SCRIPT = Path(__file__).parents[2] / "deploy" / "pip-install.sh"


def install(tmp_path: Path, pip: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the script with a pip; nothing of the environment's own settings is in force."""
    return subprocess.run(
        ["sh", SCRIPT, pip, "runfold-is-not-there"],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PIP_CONFIG_FILE": os.devnull,
             "PIP_RETRIES": "0", **env},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


@pytest.fixture
def pip() -> str:
    """The real pip of this environment, as a command."""
    found = Path(sys.prefix) / "bin" / "pip"
    if not found.exists():
        pytest.skip("this environment has no pip")
    return str(found)


@pytest.fixture
def fake(tmp_path: Path) -> str:
    """A pip that says which authorities it was given; it is configured by `configured`."""
    program = tmp_path / "pip"
    program.write_text(
        '#!/bin/sh\nif [ "$1" = config ]; then cat "$HOME/configured" 2>/dev/null; exit 0; fi\n'
        'echo "cert=${PIP_CERT-none}" >&2\n'
    )
    program.chmod(0o755)
    return str(program)


def test_pip_is_given_the_authorities_of_the_system(tmp_path: Path, fake: str) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("anything")

    done = install(tmp_path, fake, SSL_CERT_FILE=str(bundle))

    assert (done.returncode, done.stderr) == (0, f"cert={bundle}\n")


def test_what_pip_was_told_stays(tmp_path: Path, fake: str) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("anything")
    told = install(tmp_path, fake, SSL_CERT_FILE=str(bundle), PIP_CERT="/mine.pem")
    (tmp_path / "configured").write_text("global.cert='/mine.pem'\n")
    configured = install(tmp_path, fake, SSL_CERT_FILE=str(bundle))

    assert told.stderr == "cert=/mine.pem\n"
    assert configured.stderr == "cert=none\n"


def test_a_certificate_that_is_refused_is_called_one(
    tmp_path: Path, pip: str, authority: Path
) -> None:
    with serving(authority) as mirror:
        done = install(tmp_path, pip, PIP_INDEX_URL=mirror.address)

    assert done.returncode == 1
    assert "certificate is not trusted here" in done.stderr
    assert "PIP_CERT" in done.stderr


def test_an_authority_of_the_system_is_trusted(tmp_path: Path, pip: str, authority: Path) -> None:
    with serving(authority) as mirror:
        bundle = str(authority / "ca.pem")
        done = install(tmp_path, pip, PIP_INDEX_URL=mirror.address, SSL_CERT_FILE=bundle)

    # It was asked and does not have it: the certificate was trusted.
    assert mirror.asked
    assert done.returncode == 1
    assert "not trusted" not in done.stderr
    assert "PIP_INDEX_URL" in done.stderr
