"""Tools that kill their process, say nothing of themselves, or look for secrets."""
