"""Which database and which topics are one deployment's, and what keeps two of them apart."""
