"""The definition store: its records, its log, its snapshots, and what a name stands for."""
