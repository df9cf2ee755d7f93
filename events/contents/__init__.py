"""What was said, small or large: texts, transcripts, attachments, and the part a model is shown."""
