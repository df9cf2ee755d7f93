"""What is asked of runs: new ones, controls, files, feedback."""
