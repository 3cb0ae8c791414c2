"""What is installed, and what it runs on."""

import importlib.metadata
import platform

from threadpoolctl import threadpool_info

from .. import ops
from .._version import __version__

__all__ = ["show_versions"]

_DEPENDENCIES = ["numpy", "scipy", "scikit-learn", "joblib", "threadpoolctl"]


def show_versions():
    """Print versions, the ops in use, and what they run on: for a bug report.

    "ops" says whether the compiled ops are in use, and with which instruction set;
    "numpy" means that they were not built, or were not chosen (see `skconv.ops.use`).
    """
    versions = {name: importlib.metadata.version(name) for name in _DEPENDENCIES}
    pools = [
        f"{pool['internal_api']} {pool.get('version') or ''} "
        f"({pool.get('architecture') or pool['user_api']}, "
        f"{pool['num_threads']} threads)"
        for pool in threadpool_info()
    ]
    lines = {
        "skconv": __version__,
        "ops": f"{ops.in_use()} (available: {', '.join(ops.available())})",
        "threads of ops": ops.compiled.max_threads() if ops.compiled else "NumPy's",
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {platform.platform()}",
        **versions,
        "thread pools": "; ".join(pools),
    }
    width = max(map(len, lines))
    for name, value in lines.items():
        print(f"{name:>{width}}: {value}")
