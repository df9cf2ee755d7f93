"""OSSA as others write it: what is honoured of it, and what is told of the rest."""
