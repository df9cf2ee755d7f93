"""How many events a second reach receivers of webhooks, and what each costs."""
