"""Every op in NumPy: the definition of what it computes, and fast enough to use.

Arrays are NHWC, ``(n, h, w, c)``; a kernel is ``(kh, kw, c_in / groups, c_out)``. A
``d`` before a name is the gradient of the loss in it; ``z`` is what a layer computes
before its activation, ``y`` after. Ops keep no state and leave their inputs alone,
but for `adam_step` and `sgd_step`, whose business it is to update.
"""

from . import _memory  # noqa: F401
from .activations import *
from .convolution import *
from .dense import *
from .losses import *
from .normalization import *
from .pooling import *
from .scaling import *
