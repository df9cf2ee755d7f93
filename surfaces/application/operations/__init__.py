"""What operators ask: costs, audits, dead letters."""
