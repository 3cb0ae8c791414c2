"""Parameter names, suggestions for misspelt names, and files replaced in one step."""
