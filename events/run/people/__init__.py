"""Facts of people: their controls, take-overs, and who is asked next."""
