"""What people decide on calls: who may, what they were shown, and for how much it holds."""
