"""Databases, pools and refusals as people have them."""
