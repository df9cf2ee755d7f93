"""A hard world: what comes from outside, hostile or broken, by kind of fault."""
