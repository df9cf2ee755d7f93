"""What people decide in a run: approvals, take-overs, escalation, grants."""
