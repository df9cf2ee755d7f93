"""The stack on the terminal: addresses, states, settings, the end."""
