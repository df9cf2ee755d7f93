"""The agent loop: model results, proposed calls, tool results, checkpoints, the next step."""
