"""How definitions get onto the registry topic and from there into every process."""
