"""Have the C library keep freed memory for the next arrays. Imported for its effect.

glibc returns freed memory to the system at once, and having large arrays faulted in
anew took up to half of a training step. It learns from what it sees freed: after a
block just below its limit of 32 MB it keeps up to 64 MB (mallopt(3),
``M_MMAP_THRESHOLD``). The block is never touched, and so costs no memory itself;
elsewhere this does nothing.
"""

import numpy as np

np.empty(2**25 - 2**16, np.uint8)
