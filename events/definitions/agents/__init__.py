"""What an agent is made of, and the script of the scripted model."""
