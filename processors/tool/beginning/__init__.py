"""What a call needs before it may begin: its arguments, its turn, a tool that is well."""
