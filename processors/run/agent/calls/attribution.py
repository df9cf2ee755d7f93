"""Whom the cost of a call belongs to."""

from __future__ import annotations

from functools import lru_cache

from runfold.events.values import Attribution
from runfold.processors.run.state import Live


def attribution(run: Live) -> Attribution:
    """Return whom a cost of this run belongs to [159]."""
    asked, agent = run.request, run.agent
    return _attribution(
        asked.user_id,
        agent.name,
        agent.version,
        run.pinned.prompt_version,
        asked.feature,
        asked.variant,
    )


@lru_cache(maxsize=4096)
def _attribution(
    user_id: str,
    agent: str,
    agent_version: str,
    prompt_version: str,
    feature: str | None,
    variant: str | None,
) -> Attribution:
    return Attribution(
        user_id=user_id,
        agent=agent,
        agent_version=agent_version,
        prompt_version=prompt_version,
        feature=feature,
        variant=variant,
    )
