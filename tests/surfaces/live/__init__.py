"""Commands against a stack that lives."""
