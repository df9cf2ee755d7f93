"""The commands, a module a group; each is thin and imports what it needs when it runs."""
