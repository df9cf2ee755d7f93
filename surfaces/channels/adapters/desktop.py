"""For an app on somebody's own machine: with the workspace's boundary in sight [192]."""

from __future__ import annotations

from typing import Any

from runfold.surfaces.application.rendering import to_json
from runfold.surfaces.channels.actions import APPROVE, DENY, decides
from runfold.surfaces.channels.adapters.api import Api, plainly
from runfold.surfaces.channels.adapters.workspace import Workspace, commands_in, paths_in
from runfold.surfaces.channels.document import Approval, Document
from runfold.surfaces.channels.inbound.intents import Decide, Heard, Inbound, Unclear
from runfold.surfaces.channels.port import Payload
from runfold.surfaces.visible import visible

Tree = dict[str, Any]


class Desktop:
    """JSON as for programs, with the workspace, what is about to be written, and commands."""

    name = "desktop"

    def __init__(self, workspace: Workspace | None = None) -> None:
        self._workspace = workspace

    def render(self, document: Document) -> Payload:
        """Return the document, without an approval for what would leave the workspace."""
        tree = plainly(document)
        pending: Tree = {"writes": [], "commands": [], "approvals": []}
        for block in document.of(Approval):
            assert isinstance(block, Approval)
            self._add(pending, block)
        kept = [each for each in tree["blocks"] if each["type"] != "approval"]
        workspace = self._workspace
        said = {
            **tree,
            "blocks": kept,
            "workspace": None
            if workspace is None
            else {
                "root": str(workspace.root),
                "folders": [str(each) for each in workspace.folders],
                "tools": dict(sorted(workspace.tools.items())),
            },
            "pending": pending,
        }
        return Payload(self.name, "application/json", to_json(said))

    def read(self, inbound: Inbound) -> Heard:
        """Read what programs send; an approval names the tool, which may be refused here."""
        heard = Api().read(inbound)
        if isinstance(heard.intent, Decide) and heard.intent.approves and self._workspace is None:
            return Heard(Unclear("Open a workspace first: nothing is approved without one."))
        return heard

    def _add(self, pending: Tree, block: Approval) -> None:
        leaves = block.leaves or ()
        paths, commands = paths_in(leaves), commands_in(leaves)
        refused = self._refused(block, paths)
        pending["writes"] += [
            {"call_id": block.call_id, "path": visible(each), "refused": self._outside(each)}
            for each in paths
        ]
        pending["commands"] += [
            {"call_id": block.call_id, "command": visible(each)} for each in commands
        ]
        actions = {DENY: str(decides(DENY, block))}
        if not refused:
            actions = {APPROVE: str(decides(APPROVE, block)), **actions}
        pending["approvals"].append(
            {
                "call_id": block.call_id,
                "tool": block.tool,
                "text": block.text,
                "risk_level": block.risk_level,
                "arguments": dict(block.arguments),
                "digest": block.digest,
                "refused": refused,
                "actions": actions,
            }
        )

    def _refused(self, block: Approval, paths: tuple[str, ...]) -> str:
        """Return why a call cannot be approved here, empty where it can."""
        if self._workspace is None:
            return "no workspace is open"
        if block.leaves is None:
            return "its arguments are too many to be looked at"
        if self._workspace.mode(block.tool) == "never":
            return f"{block.tool} is never approved in this workspace"
        return next((why for each in paths if (why := self._outside(each))), "")

    def _outside(self, path: str) -> str:
        return (
            "no workspace is open"
            if self._workspace is None
            else (self._workspace.why_outside(path))
        )
