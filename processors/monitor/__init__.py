"""The live monitor: windowed rates, error budgets, stuck runs and alerts, off the journal."""
