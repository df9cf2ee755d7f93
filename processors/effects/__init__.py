"""The hosts of effects: bounded calls on one event loop, fed from memory or from a work topic."""
