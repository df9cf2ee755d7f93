"""Refusals: their codes, their form, their page."""
