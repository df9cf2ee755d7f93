"""People in a run: they take it over, answer in the model's or a tool's place, hand it back."""
