"""How inputs reach lanes."""
