"""The context processor: chooses what a model will see, within a budget of tokens."""
