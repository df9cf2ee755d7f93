"""How the commands present themselves: by what people come to do, each with examples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typer.core import TyperGroup

SECTIONS: dict[str, tuple[str, ...]] = {
    "The stack": ("up", "restart", "down", "status", "doctor", "alerts", "config", "demo"),
    "Agents and tools": (
        "apply",
        "import",
        "export",
        "agents",
        "tools",
        "definitions",
        "policy",
        "access",
    ),
    "Runs": (
        "run",
        "runs",
        "logs",
        "show",
        "render",
        "handoff",
        "tell",
        "instruct",
        "pause",
        "resume",
        "cancel",
    ),
    "What waits for a person": (
        "approvals",
        "approve",
        "deny",
        "answer",
        "extend",
        "resolve",
        "takeover",
        "reply",
        "result",
        "handback",
        "delegate",
    ),
    "Money, SQL and proof": (
        "costs",
        "tenant",
        "switch",
        "token",
        "keys",
        "mcp",
        "webhooks",
        "notifications",
        "push",
        "sql",
        "audit",
        "reads",
        "rebuild",
    ),
    "Back-ups, topics and rules": (
        "backup",
        "restore",
        "topics",
        "deadletters",
        "schemas",
        "rules",
    ),
}
"""Every command, in the order of ``runfold --help``."""

IN_SHORT: dict[str, str] = {
    "up": "Start Kafka, Postgres and every processor.",
    "restart": "Restart parts with the settings of now.",
    "status": "Show the state of the stack, or of a run.",
    "doctor": "Check the deployment, and say what to do.",
    "alerts": "List the monitor's alerts, open and recent.",
    "config": "Show every setting and where it comes from.",
    "demo": "Watch an agent triage a log.",
    "apply": "Check manifests and publish what they declare.",
    "import": "Make manifests of agents of other products.",
    "export": "Print a published agent as an OSSA manifest.",
    "agents": "List the agents and their versions.",
    "tools": "List the tools, or what calls of an agent ask for.",
    "definitions": "Decide about versions of agents, tools and scripts.",
    "policy": "Test, explain and simulate policies.",
    "run": "Ask for a run; --follow watches it.",
    "handoff": "Go on with a run on another channel.",
    "logs": "Show what happened in a run; -f follows it.",
    "show": "Show a run as it was after any of its events.",
    "pause": "Make no new call of a run until it is resumed.",
    "tell": "Say something to a run; the model reads it next.",
    "approve": "Let a proposed tool call run.",
    "takeover": "Answer in a model's place, until you hand back.",
    "reply": "Answer in the model's place, with words or calls.",
    "handback": "Let the model answer again.",
    "delegate": "Let somebody decide for you while you are absent.",
    "extend": "Let a run use more than its limits allow.",
    "costs": "Sum up what was spent.",
    "reads": "List who read what.",
    "rebuild": "Fold a view again from offset 0.",
    "backup": "Copy what cannot be made again into a folder.",
    "restore": "Restore a back-up into an empty home or cluster.",
    "switch": "Stop a tenant, agent, tool or model.",
    "token": "Make tokens that clients sign with.",
    "keys": "Make, rotate and revoke API keys.",
    "mcp": "Serve MCP on standard input and output.",
    "tenant": "Show a tenant's runs, queue and budgets.",
    "topics": "List the topics with their purpose and retention.",
    "deadletters": "List the inputs that could not be used.",
    "sql": "Ask the tables in SQL; nothing can be changed.",
    "rules": "Check the monitor's rules and list them.",
}
"""What ``runfold --help`` says where the first sentence of a command does not fit 80 columns."""

EXAMPLES: dict[str, tuple[str, ...]] = {
    "mcp": ("runfold mcp --url https://agents.example.com --key-file ~/runfold.key",),
    "alerts": ("runfold alerts --since 7d", "runfold alerts --json"),
    "apply": ("runfold apply -f agents/", "runfold apply -f agents/ --dry-run"),
    "import": ("runfold import crew/config --out agents/",),
    "export": ("runfold export clerk@1.0.0 > clerk.yaml",),
    "approve": ("runfold approve 0198c1f2-7d3e-7a41.3 --reason 'as agreed'",),
    "delegate to": ("runfold delegate to bob --until 2027-01-07 --reason 'holiday'",),
    "takeover": ("runfold takeover 0198c1f2-7d3e-7a41 --by ann --reason 'it is lost'",),
    "reply": (
        "runfold reply 0198c1f2-7d3e-7a41 --text 'I look myself'",
        'runfold reply 0198c1f2-7d3e-7a41 --call files.read --arguments \'{"path": "a"}\'',
    ),
    "result": ("runfold result 0198c1f2-7d3e-7a41.3 '{\"rows\": 4}'",),
    "costs": ("runfold costs --by day,model --since 7d", "runfold costs --by tenant --json"),
    "audit verify": ("runfold audit verify", "runfold audit verify 0198c1f2-7d3e-7a41 --json"),
    "push key": ("runfold push key >> .env",),
    "push forget": ("runfold push forget ada --tenant acme",),
    "switch off": ("runfold switch off tool/pay --reason 'double payments'",),
    "token issue": ("runfold token issue --tenant acme --user anna --role clerk --valid 8h",),
    "tenant show": ("runfold tenant show acme", "runfold tenant show acme --json"),
    "deadletters": ("runfold deadletters --json",),
    "policy test": ("runfold policy test policies/", "runfold policy test --json"),
    "policy explain": ("runfold policy explain 0198c1f2-7d3e-7a41.3",),
    "policy simulate": ("runfold policy simulate policies/ --since 7d",),
    "policy who-can": (
        "runfold policy who-can tool.call mail.send",
        "runfold policy who-can read Namespace::production",
    ),
    "render": (
        "runfold render 0198c1f2-7d3e-7a41 --channel slack --profile brief",
        "runfold render 0198c1f2-7d3e-7a41 --channel email --json",
    ),
    "handoff": ("runfold handoff 0198c1f2-7d3e-7a41 --to voice --seen 12",),
    "logs": (
        "runfold logs -f 0198c1f2-7d3e-7a41",
        "runfold logs 0198c1f2-7d3e-7a41 --tree",
        "runfold logs 0198c1f2-7d3e-7a41 --json | jq .type",
    ),
    "reads": ("runfold reads --tenant acme --since 30d", "runfold reads --by anna --json"),
    "rebuild": ("runfold rebuild runs --compare",),
    "restart": ("runfold restart", "runfold restart tools"),
    "resolve": ("runfold resolve 0198c1f2-7d3e-7a41.3 --happened",),
    "run": (
        "runfold run 'Say hello' --follow",
        "runfold run 'Sort these' --agent triage@1.2.0 --file mails.txt --max-cost 0.50",
    ),
    "runs": ("runfold runs --status waiting_for_human --since 1d",),
    "up": ("runfold up", "runfold up --watch -f agents/"),
    "show": ("runfold show 0198c1f2-7d3e-7a41 --at 12",),
    "sql": (
        "runfold sql",
        "runfold sql -c 'SELECT agent, sum(cost_usd) FROM costs GROUP BY agent' --csv",
    ),
}
"""What people type; each line is one that the command line takes."""


class Sections(TyperGroup):
    """The top of the command line: its commands in sections."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - as the base has it
        """Write every section with the first words of each command's help."""
        widest = max(map(len, self.commands))
        for title, names in self._sections():
            with formatter.section(title):
                formatter.write_dl(
                    (
                        name.ljust(widest),
                        IN_SHORT.get(name)
                        or self.commands[name].get_short_help_str(formatter.width - widest - 6),
                    )
                    for name in names
                )

    def _sections(self) -> Iterator[tuple[str, list[str]]]:
        shown = {name for name, command in self.commands.items() if not command.hidden}
        for title, names in SECTIONS.items():
            yield title, [name for name in names if name in shown]
            shown -= set(names)
        if shown:
            yield "More", sorted(shown)


def with_examples(root: Any) -> Any:
    """Return the command line with the examples of each command behind its help."""
    for name, lines in EXAMPLES.items():
        command = root
        for word in name.split():
            command = command.commands[word]
        command.epilog = "\n\n".join(["Examples:", *(f"  {line}" for line in lines)])
    return root
