"""Agent2Agent: each published agent is an A2A agent, each of its tasks a run. It owns no state."""
