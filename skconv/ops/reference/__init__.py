"""Every op in NumPy: the definition of its results, and fast enough to use.

Arrays are NHWC, ``(n, h, w, c)``; a kernel is ``(kh, kw, c_in / groups, c_out)``. A
``d`` before a name is the gradient of the loss in it; ``z`` is what a layer computes
before its activation, ``y`` after. Ops keep no state and leave their inputs unchanged,
except for `adam_step` and `sgd_step`, which update them.

Ops that have a compiled twin, and all pools, take plain arguments here, and windows
that are resolved: their signatures, defaults and checks are in the modules of
`skconv.ops`. The others are the public functions themselves.
"""

from .activations import *
from .convolution import *
from .dense import *
from .dtypes import *
from .losses import *
from .normalization import *
from .pooling import *
from .resampling import *
from .scaling import *
from .training import *
from .transposed import *
from .upsampling import *
