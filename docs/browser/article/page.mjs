// The article's figures, live.
