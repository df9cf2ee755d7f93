"""Agent cards: which agents there are, what is told of them, and how that is signed."""
