"""Attacks at length, each a module with a function main(n, seed)."""
