"""Who is one person, what a person approved, what a credential proved."""
