"""The life of a run, whatever it does: admission, controls, deadlines, endings."""
