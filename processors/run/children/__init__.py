"""Runs that ask for runs: a call that another run makes, what is said to it, how it returns."""
