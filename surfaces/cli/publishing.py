"""Where the command line publishes from: its environment, and the workspace of the examples."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from runfold.infra.settings.declared import variables
from runfold.surfaces.cli.context import Context, kafka_of

if TYPE_CHECKING:
    from runfold.processors.definitions.publisher import Report
    from runfold.surfaces.manifests import Remark

FIRST_AGENT = "hello"
EXAMPLES = Path(__file__).parents[2] / "examples"
WORKSPACE = variables.WORKSPACE.name
CODE = variables.TOOL_CODE.name


def apply_manifests(
    context: Context,
    paths: Iterable[Path],
    user: str,
    tenant: str | None = None,
    *,
    accept_remarks: bool = False,
    dry_run: bool = False,
) -> tuple[Report, tuple[Remark, ...]]:
    """Publish what the files declare, and return the result and what to tell the author.

    ``accept_remarks`` and ``dry_run`` are those of ``publish_manifests``.
    """
    from runfold.surfaces.application.governing.publish import publish_manifests

    return publish_manifests(
        paths,
        kafka=kafka_of(context),
        codec=context.codec,
        log=context.writer,
        env=environment_of(context),
        by=user,
        roles=variables.ROLES.read(),
        tenant=tenant,
        unusable=_known_here(context),
        accept_remarks=accept_remarks,
        dry_run=dry_run,
    )


def environment_of(context: Context) -> dict[str, str]:
    """Return what manifests may refer to, and the settings of tools."""
    return {WORKSPACE: str(workspace_of(context)), **_development(context), **os.environ}


def _known_here(context: Context) -> Callable[[str], str]:
    """Return what says why the stack that runs here cannot use a module of tools."""
    from runfold.stack import control
    from runfold.stack.tool_modules import ToolModules, tool_modules

    known = control.status(context.settings)
    modules = tool_modules(known) if known is not None else ToolModules()

    def why(module: str) -> str:
        said = modules.why_unusable(module)
        return f"calls of it fail here until that is mended: {said}" if said else ""

    return why


def publish_first_agent(context: Context) -> str | None:
    """Publish the agent that ``runfold run`` asks for by itself, where none has its name.

    Return what to say of it, None where there is one.
    """
    from runfold.surfaces.application.governing.definitions import read_definitions

    if FIRST_AGENT in read_definitions(context.reader).names("agent"):
        return None
    report, _ = apply_manifests(context, [EXAMPLES / FIRST_AGENT], "runfold up")
    if report.refused:
        why = "; ".join(f"{each.key}: {each.reason}" for each in report.refused)
        return f"the agent {FIRST_AGENT} could not be published ({why})"
    return f"{FIRST_AGENT} is published: runfold run 'Say hello' --follow"


def _development(context: Context) -> dict[str, str]:
    """Return what holds on a stack of one's own, where code changes without a new version."""
    return {} if context.settings.bootstrap_servers else {CODE: "warn"}


def workspace_of(context: Context) -> Path:
    """Return the folder that the tools of examples work in; it is made if it is missing."""
    folder = variables.WORKSPACE.read() or context.settings.home / "workspace"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
