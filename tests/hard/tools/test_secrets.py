"""A tool sees the secrets that its contract names, and no others, wherever it looks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from runfold.events.calls import ToolResult
from runfold.infra.artifacts.memory import MemoryArtifacts
from runfold.infra.secrets.environment import EnvironmentSecrets
from runfold.infra.secrets.taking import take
from runfold.processors.tool import ToolContext, ToolProcessor, contract_of, tool
from runfold.processors.tool.claims.memory import MemoryClaims
from runfold.processors.tool.settings import ToolSettings
from tests.effects.given import tool_work
from tests.tool.given import error_type, said

ROOT = Path(__file__).parents[3]
CRM = "s3cret-of-the-crm"
OPENAI = "sk-s3cret-of-openai"
DATABASE = "postgresql://runfold:s3cret-of-postgres@db/runfold"

LOOKS = """
import json, os, subprocess, sys
from pathlib import Path
from runfold.infra.secrets.taking import take

taken = take().values
block = Path("/proc/self/environ").read_text()
child = subprocess.run(["env"], capture_output=True, text=True, check=True).stdout
again = subprocess.run(
    [sys.executable, "-c", "import os; print(dict(os.environ))"],
    capture_output=True, text=True, check=True,
).stdout
seen = [where for where, text in
        {"environ": str(dict(os.environ)), "proc": block, "env": child, "child": again}.items()
        if "s3cret" in text]
kept = os.environ["KEPT"], "KEPT=yes" in block, "KEPT=yes" in child
print(json.dumps([sorted(taken), seen, kept, taken["RUNFOLD_SECRET_CRM"]]))
"""


@tool(name="pries", risk_level=0)
def pries(where: str) -> str:
    """Say what the environment and every file of it hold."""
    if where == "raise":
        raise RuntimeError(f"the key {CRM} was refused")
    return f"{os.environ.get('RUNFOLD_SECRET_CRM')} {CRM} {OPENAI} {json.dumps(CRM)}"


@tool(name="asks", risk_level=0, auth=("crm",))
def asks(context: ToolContext) -> int:
    """Use the secret that it was given."""
    return len(context.secret("crm"))


def called(name: str, arguments: object, **env: str) -> ToolResult:
    import asyncio  # noqa: PLC0415

    from runfold.events.contents.content import json_content  # noqa: PLC0415

    given = {"RUNFOLD_SECRET_CRM": CRM, "OPENAI_API_KEY": OPENAI, **env}
    taken = take(given)
    contracts = {each.name: each for each in (contract_of(pries), contract_of(asks))}
    processor = ToolProcessor(
        lambda tool_name, _version, _tenant: contracts[tool_name],
        MemoryClaims(),
        MemoryArtifacts(),
        ToolSettings().secrets(taken.values),
        modules=[__name__],
        masks=taken.masks,
    )
    work = tool_work(tool=name, tool_version="1.0.0", arguments=json_content(arguments))
    return asyncio.run(processor.call(work))


def test_nothing_of_a_process_shows_its_secrets_after_they_were_taken() -> None:
    env = {
        "PATH": os.environ["PATH"], "RUNFOLD_SECRET_CRM": CRM, "OPENAI_API_KEY": OPENAI,
        "DATABASE_URL": DATABASE, "KEPT": "yes", "RUNFOLD_SECRET_ÄÖ": f"ü{CRM}",
    }  # fmt: skip
    ended = subprocess.run(
        [sys.executable, "-c", LOOKS], env=env, cwd=ROOT, capture_output=True, text=True, check=True
    )
    names, seen, kept, crm = json.loads(ended.stdout)
    assert names == ["DATABASE_URL", "OPENAI_API_KEY", "RUNFOLD_SECRET_CRM", "RUNFOLD_SECRET_ÄÖ"]
    assert seen == []
    assert kept == ["yes", True, True]
    assert crm == CRM


def test_what_is_taken_is_what_is_masked_and_nothing_else() -> None:
    env = {
        "RUNFOLD_SECRET_CRM": CRM,
        "RUNFOLD_SECRETS_FOLDER": str(ROOT / "schemas"),
        "DATABASE_URL": "postgresql://localhost/runfold",
        "RUNFOLD_HOME": "/home",
    }
    assert take(env).values == {"RUNFOLD_SECRET_CRM": CRM}
    assert "RUNFOLD_SECRET_CRM" not in env
    assert EnvironmentSecrets(take({"RUNFOLD_SECRET_CRM": CRM}).values).get("crm", "acme") == CRM


def test_a_tool_that_knows_a_secret_of_others_cannot_say_it() -> None:
    told = said(called("pries", {"where": "environ"}))
    assert told == 'None [redacted] [redacted] "[redacted]"'
    failure = called("pries", {"where": "raise"})
    assert failure.error is not None
    assert failure.error.message == "RuntimeError: the key [redacted] was refused"


def test_a_tool_is_given_what_its_contract_names() -> None:
    assert said(called("asks", {})) == len(CRM)
    assert error_type(called("asks", {}, RUNFOLD_SECRET_CRM="")) == "unavailable"
