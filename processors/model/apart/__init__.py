"""Provider calls in a child process: what strangers answer is never read where lanes are."""
