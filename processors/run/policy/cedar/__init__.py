"""Cedar, as far as decisions need it: pure, the same on every machine, imported when first used."""
