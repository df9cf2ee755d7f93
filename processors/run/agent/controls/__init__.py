"""The tools by which a model steers its own run: to end it, to ask a person, to plan."""
