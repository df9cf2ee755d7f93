"""The transactional shell around a decider: lanes, restore, ownership, timers, dead letters."""
