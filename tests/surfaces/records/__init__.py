"""What is read back: audits, evidence, timelines, exports."""
