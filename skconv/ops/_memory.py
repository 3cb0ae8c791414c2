"""Let the C library keep freed memory for the next arrays. Imported for its effect.

glibc returns freed memory to the system at once, and mapping the pages of large arrays
again took up to half of a training step. It adapts to the blocks that are freed: after
one just below its limit of 32 MB it keeps up to 64 MB (mallopt(3),
``M_MMAP_THRESHOLD``). The block below is allocated, never touched and freed at once, so
it occupies no memory itself. Other C libraries ignore it.

NumPy's arrays gain from this with either set of ops, and so it is the package of the
ops that imports this module, not the definitions.
"""

import numpy as np

np.empty(2**25 - 2**16, np.uint8)
