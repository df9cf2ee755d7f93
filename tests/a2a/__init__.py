"""Agent2Agent, driven by the official clients."""
