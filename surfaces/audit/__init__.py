"""Proof that what the journal says is whole and was decided by the rules in force."""
