"""What is collected besides the tests: the package's doctests."""

from skconv import ops

# Where they were not built, there is nothing behind this module to import.
collect_ignore = [] if ops.compiled else ["skconv/ops/compiled.py"]
