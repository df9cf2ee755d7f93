"""What policies say: of their tests, of recorded calls, and of everybody who could act."""
