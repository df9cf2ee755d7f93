"""A sealed tenant on a real stack."""
