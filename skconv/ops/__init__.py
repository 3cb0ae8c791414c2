"""Array functions: all the arithmetic of the package, and nothing but arithmetic.

`skconv.ops.reference` defines every op in NumPy. Callers write ``ops.conv2d(...)``,
by attribute: this module is the one seam at which a faster twin of an op may be laid
over its definition.
"""

from .geometry import *
from .reference import *

from .article import *  # isort: skip  # written in terms of the ops above
