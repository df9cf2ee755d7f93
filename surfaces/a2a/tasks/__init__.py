"""Tasks, folded from runs: where they stand, what becomes of them, lists of them."""
