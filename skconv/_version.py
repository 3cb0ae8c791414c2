__version__ = "0.1.0"

# Where the documentation is published: diagrams of estimators link there.
DOCUMENTATION = "https://skconv.readthedocs.io/en/stable"
