"""Schemathesis asks for every route what the document allows, and much that it does not.

Usually a few requests a route, with ids of what is there; ``make conformance`` also tries the edges
of every parameter, some two thousand requests.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from runfold.surfaces.http.access.identity import OPERATOR
from tests.http.product import AGENT, SCRIPT, Product, asked, waiting
from tests.projections.running import wait_caught_up
from tests.support.stack import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
)
WHOLE = os.environ.get("RUNFOLD_CONFORMANCE") == "whole"
EXAMPLES = 25 if WHOLE else 2


def ask_everything(product: Product, key: str, config: str, folder: Path, phases: str) -> None:
    """Ask for every route of the document, and see that nothing is wrong with any answer."""
    (folder / "schemathesis.toml").write_text(config, encoding="utf-8")
    url = (product.folder / "url").read_text(encoding="utf-8").strip()
    words = [
        str(Path(sys.executable).with_name("st")),
        "--config-file", str(folder / "schemathesis.toml"),
        "run", f"{url}/openapi.json",
        "--header", f"Authorization: Bearer {key}",
        "--checks", ",".join(CHECKS), "--phases", phases,
        "--max-examples", str(EXAMPLES), "--seed", "68", "--request-timeout", "60",
        "--suppress-health-check", "all", "--no-color", "--continue-on-failure",
    ]  # fmt: skip
    done = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, timeout=800, check=False
    )
    assert done.returncode == 0, done.stdout[-12_000:] + done.stderr[-2_000:]


def test_every_answer_is_as_the_document_says(product: Product, tmp_path: Path) -> None:
    # A tenant of its own: what is made up here is in no list of another test.
    key = product.key("conforming", "*", OPERATOR)
    with product.client(key) as client:
        published = client.post("/definitions", json={"manifests": [SCRIPT, AGENT]})
        assert published.status_code == 201, published.text
        known = ids_of(product, client)
    if WHOLE:
        # With ids of nothing.
        ask_everything(product, key, "", tmp_path, "coverage")
    config = "[parameters]\n" + "".join(f'"path.{k}" = "{v}"\n' for k, v in known.items())
    ask_everything(product, key, config, tmp_path, "fuzzing")


def ids_of(product: Product, client: httpx.Client) -> dict[str, str]:
    """Return ids of what is there: a run that has ended, a file, an agent."""
    run_id = asked(client)
    question = waiting(client, run_id)
    client.post(f"/runs/{run_id}/answer", json={"question_id": question, "answer": "blue"})
    wait_until(lambda: client.get(f"/runs/{run_id}").json()["status"] == "completed", 60)
    artifact = client.post("/artifacts", content=b"x,y").json()["artifact_id"]
    wait_caught_up(product.settings)
    return {"run_id": run_id, "artifact_id": artifact, "kind": "agent", "name": "clerk"}
