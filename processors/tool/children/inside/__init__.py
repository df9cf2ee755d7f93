"""What runs inside a child: the module of tools, its workers, and one call at a time."""
