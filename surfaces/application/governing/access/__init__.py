"""Who can do what, what calls of a tool ask for, and what of it was ever used."""
