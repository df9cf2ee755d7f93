"""What a run may do, decided before it is done."""
