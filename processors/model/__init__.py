"""The model processor: makes one model call on whatever provider its name says."""
