"""Two toy aggregates on topics of their own: a job, which ends, and a tenant's ledger."""
