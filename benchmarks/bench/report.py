"""The figures as a person reads them."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table


def show(figures: dict[str, object], seconds: float) -> None:
    """Print the figures as a table."""
    table = Table(title="Runfold bench: 5 model and 5 tool calls and the answer, stubs")
    table.add_column("figure")
    table.add_column("value", justify="right")
    for name, value in figures.items():
        table.add_row(
            name,
            ", ".join(f"{k} {v}" for k, v in value.items())
            if isinstance(value, dict)
            else str(value),
        )
    console = Console()
    console.print(table)
    console.print(f"measured in {seconds:.0f} s; also in build/bench.json")
