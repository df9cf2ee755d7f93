"""Tools written by users, run in processes of their own: a crash of one costs its call."""
