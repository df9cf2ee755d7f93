"""Runfold: an event-sourced runtime for production LLM agents."""
