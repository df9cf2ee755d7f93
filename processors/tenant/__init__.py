"""The tenant: which of its runs may run, and what they may use; pure."""
