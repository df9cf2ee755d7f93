"""What the rules of a policy count: whose a run is, how fast runs start, what is made again."""
