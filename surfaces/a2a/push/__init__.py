"""Push notifications: who is told what becomes of a task, and how they are told."""
