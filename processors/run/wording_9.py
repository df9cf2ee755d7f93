"""Texts for the model that begin with behaviour 9: never change one."""

from __future__ import annotations

MODEL = {
    "agent_in_its_own_path": "{agent} is at work above you already ({path}), and is not asked "
    "again from below. Do it yourself, or give up.",
    "too_deep": "{limit} runs stand above one another already: no further one is begun. Do it "
    "yourself, or give up.",
    "child_ended": "The agent that was asked ended without a result: {status}.",
}
