"""Spectra, mel columns and voice activity in C, and what Python lays out for them."""
