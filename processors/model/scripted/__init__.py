"""The scripted model, which plays a script in a model's place."""
