"""Convolutional networks in NumPy, as scikit-learn estimators."""
