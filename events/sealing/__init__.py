"""Contents sealed by a tenant's data key, field by field, beneath schemas that stay (ADR 58)."""
