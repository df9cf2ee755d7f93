"""``python -m tests.injection.report``: write the page on prompt injection from what is tried."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from runfold.processors.privacy.signs import signs_in
from tests.injection.attacks import attacks, harmless
from tests.injection.world import CHANNELS, LIMITS, OTHERS, TOOLS, outcome_of

PAGE = Path(__file__).parents[2] / "docs/reliability/injection.md"

_TEXT = Path(__file__).with_name("page.md")


def page() -> str:
    """Return the page, from a run of every attack."""
    tried, succeeded, noticed = Counter[str](), Counter[str](), Counter[str]()
    for place, attack in enumerate(attacks()):
        outcome = outcome_of(attack, CHANNELS[place % len(CHANNELS)])
        tried[attack.shape] += 1
        succeeded[attack.shape] += bool(outcome.effects)
        noticed[attack.shape] += bool(signs_in(attack.text))
    rows = "".join(
        f"| {shape.replace('-', ' ')} | {count} | {succeeded[shape]} | {noticed[shape]} |\n"
        for shape, count in tried.items()
    )
    said = {
        "attacks": sum(tried.values()),
        "successes": sum(succeeded.values()),
        "noticed": sum(noticed.values()),
        "harmless": len(harmless()),
        "suspected": sum(bool(signs_in(text)) for text in harmless()),
        "shapes": len(tried),
        "orders": len({attack.order for attack in attacks()}),
        "tools": ", ".join(f"`{tool.name}` (level {tool.risk_level})" for tool in TOOLS),
        "others": ", ".join(f"`{tool.name}`" for tool in OTHERS),
        "limits": f"{LIMITS.max_model_calls} model calls, {LIMITS.max_tool_calls} tool calls",
    }
    return _TEXT.read_text(encoding="utf-8").format(rows=rows, **said)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
