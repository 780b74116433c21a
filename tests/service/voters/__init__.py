"""Voters."""
