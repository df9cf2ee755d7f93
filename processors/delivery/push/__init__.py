"""Notifications by web push: a person's browsers, and what each of them was sent."""
