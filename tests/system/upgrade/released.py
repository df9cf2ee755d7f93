"""The last landed release, out of the repository's own history."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
_NAMED = Path(__file__).with_name("last_release.txt")


def commit() -> str:
    """The commit of the last landed release."""
    return _NAMED.read_text().split()[0]


def unpacked(folder: Path) -> Path:
    """Put the source of the last landed release into a folder, as a checkout has it.

    Skips the test where the history is not there, as in a shallow clone.
    """
    try:
        found = subprocess.run(
            ["git", "archive", commit()], cwd=ROOT, capture_output=True, timeout=120, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", b"") or str(error).encode()
        pytest.skip(
            f"the last landed release, {commit()[:8]}, cannot be taken from the repository's "
            f"history (a shallow clone has none): {said.decode(errors='replace').strip()}"
        )
    with tarfile.open(fileobj=io.BytesIO(found.stdout)) as archive:
        archive.extractall(folder, filter="tar")
    return folder
