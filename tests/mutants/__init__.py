"""Mutants: the package with one small fault at a time, which the tests should notice."""
