"""Files by their Maven coordinates, from Maven Central or from a mirror."""

from __future__ import annotations

import logging
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from runfold.infra.settings.declared.variables import MAVEN_MIRROR
from runfold.infra.settings.errors import ConfigError
from runfold.stack.errors import EMBEDDED, StackError

_WAIT_S = 60
_DO_WITHOUT = "set KAFKA_BOOTSTRAP_SERVERS to a Kafka that runs already"
_SAID_CHARS = 200
_lock = threading.Lock()
_using = 0


def download(group: str, artifact: str, version: str, kind: tuple[str, str], to: Path) -> Path:
    """Return the file of these coordinates, fetched into a folder; nothing of it is checked.

    ``kind`` is classifier and packaging. Its server is trusted if this system trusts it. Raises
    StackError where a package or a setting is wrong, OSError where the file does not arrive.
    """
    # Imported where it is needed: a warm start does without.
    try:
        import truststore  # noqa: PLC0415
        from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        raise StackError(
            f"Kafka cannot be fetched without the Python package {missing.name}: {EMBEDDED}, "
            f"or {_DO_WITHOUT}."
        ) from missing
    logging.getLogger("jgo").setLevel(logging.ERROR)
    context = MavenContext(
        repo_cache=to / "maven",
        remote_repos={"mirror": mirror} if (mirror := _mirror()) else None,
        resolver=PythonResolver(),
        timeout=_WAIT_S,
    )
    component = context.project(group, artifact).at_version(version)
    try:
        with _system_trust(truststore):
            found = component.artifact(*kind).resolve()
    except OSError:
        raise
    except Exception as error:  # jgo raises plain exceptions of many kinds
        raise OSError(str(error)) from error
    if found is None:
        raise OSError("not found in any repository")
    return Path(found)


def why(filename: str, error: OSError) -> str:
    """Return the sentence for a file that did not arrive: what failed, and what to set."""
    source = "the mirror that RUNFOLD_MAVEN_MIRROR names" if _mirror() else "Maven Central"
    begun = f"Cannot fetch {filename} from {source}"
    refused = _refused(error)
    if refused is not None:
        return (
            f"{begun}: its certificate is not trusted here ({refused}), as behind a company's "
            "proxy. Install the company's authority in the system's trust store, or set "
            "SSL_CERT_FILE to its PEM file; or set RUNFOLD_MAVEN_MIRROR to a mirror that this "
            f"machine trusts, or {_DO_WITHOUT}."
        )
    # An address may hold a password.
    reason = re.sub(r"https?://[^\s'\",)}]+", "the repository", str(error))[:_SAID_CHARS]
    other = "correct RUNFOLD_MAVEN_MIRROR" if _mirror() else "set RUNFOLD_MAVEN_MIRROR to a mirror"
    return f"{begun} ({reason}): connect this machine once, {other}, or {_DO_WITHOUT}."


def _mirror() -> str:
    try:
        return MAVEN_MIRROR.read().rstrip("/")
    except ConfigError as error:
        raise StackError(str(error)) from error


def _refused(error: BaseException) -> str | None:
    # The clients wrap the refusal several times: as cause, context, argument or reason.
    seen: list[BaseException] = []
    waiting: list[Any] = [error]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, BaseException) or one in seen:
            continue
        if isinstance(one, ssl.SSLCertVerificationError):
            return one.verify_message or "not verified"
        seen.append(one)
        waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return None


@contextmanager
def _system_trust(truststore: Any) -> Iterator[None]:
    # jgo takes no TLS context, so it is changed for the whole process: while files are fetched,
    # by several threads, and no longer.
    global _using  # noqa: PLW0603
    with _lock:
        _using += 1
        if _using == 1:
            truststore.inject_into_ssl()
    try:
        yield
    finally:
        with _lock:
            _using -= 1
            if _using == 0:
                truststore.extract_from_ssl()
