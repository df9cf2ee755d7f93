"""Response profiles, the composer, and the adapters of channels."""
