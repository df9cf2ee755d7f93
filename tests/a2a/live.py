"""The whole product, with an agent that asks, waits for an approval, and answers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from unittest.mock import patch

from runfold.surfaces.processes import PROCESSES
from tests.docs.test_blocks import running
from tests.http.product import Product
from tests.support import stack
from tests.support.stack import wait_until

SCRIPT = {
    "apiVersion": "runfold/v1",
    "kind": "ModelScript",
    "metadata": {"name": "clerk", "version": "1.0.0"},
    "spec": {
        "turns": [
            {
                "text": "I must know one thing.",
                "calls": [{"name": "ask_human", "arguments": {"question": "Which colour?"}}],
            },
            {
                "calls": [
                    {
                        "name": "report.write",
                        "arguments": {"path": "colour.md", "markdown": "It is chosen."},
                    }
                ]
            },
            {
                "calls": [
                    {
                        "name": "complete_task",
                        "arguments": {"summary": "It is chosen.", "result": {"pages": 1}},
                    }
                ]
            },
        ]
    },
}
TOOL = {
    "apiVersion": "runfold/v1",
    "kind": "Tool",
    "metadata": {"name": "report.write", "version": "1.0.0"},
}
AGENT = {
    "apiVersion": "ossa/v0.4",
    "kind": "Agent",
    "metadata": {"name": "clerk", "version": "1.0.0", "description": "Chooses colours."},
    "spec": {
        "role": "You choose.",
        "llm": {"provider": "scripted", "model": "clerk"},
        "tools": [{"type": "function", "name": "report.write"}],
    },
}


@contextmanager
def product(servers: stack.Servers) -> Iterator[Product]:
    """Everything but the monitor, on empty topics and tables; webhooks on this machine are told."""
    stack.fresh_topics(servers.settings)
    with ExitStack() as held:
        held.enter_context(patch.dict(os.environ, {"RUNFOLD_A2A_PUSH_HOSTS": "127.0.0.1"}))
        home = held.enter_context(stack.temporary_home())
        url = held.enter_context(stack.fresh_database(servers.database_url))
        settings = replace(servers.settings.at(servers.bootstrap_servers, url), home=home)
        for process in PROCESSES:
            if not process.once and process.name != "monitor":
                held.enter_context(running(settings, process.name, process.arguments))
        wait_until((home / "gateway.ready").exists, 120)
        found = Product(settings)
        with found.client(found.key("acme")) as client:
            (home / "reports").mkdir()
            config = {"root": str(home / "reports")}
            tool = {**TOOL, "spec": {"use": "builtin:report.write", "config": config}}
            answer = client.post("/definitions", json={"manifests": [SCRIPT, tool, AGENT]})
            assert answer.status_code == 201, answer.text
        yield found
