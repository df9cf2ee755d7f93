"""Brakes: a run that diverges is recognised from its state, and what follows is on record."""
