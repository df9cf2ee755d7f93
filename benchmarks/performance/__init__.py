"""docs/performance.md: tables and plots, made from the figures beside it and never typed in."""
