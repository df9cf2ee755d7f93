"""``doctor``: what can be known of a deployment from outside, and what to do about it."""
