"""Build the kernels as WebAssembly: ``python docs/scripts/wasm.py [FOLDER]``.

``kernels.wasm`` is compiled from the package's own sources, by the clang of the package
ziglang. It is built again only if a source or the compiler has changed.
"""

import hashlib
import importlib.metadata
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "skconv" / "ops" / "src"
BUILT = ROOT / "build" / "wasm"

# The generic kernels, as CMakeLists.txt builds them, with vectors of four floats, which
# WebAssembly has. It has no threads here, and no exceptions.
FILES = ["kernels.cpp", "wasm.cpp", "single_thread.cpp"]
OPTIONS = [
    *("-target", "wasm32-wasi", "-std=c++20", "-Os", "-msimd128", "-fno-exceptions"),
    *("-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"),
    *("-DSKCONV_TABLE=generic", "-DSKCONV_ISA=generic_kernels", "-DSKCONV_LANES=4"),
    *("-mexec-model=reactor", "-s"),  # a module that is called, not run
]


def build_wasm():
    """Return the path of ``kernels.wasm``, which is built if need be.

    Raises
    ------
    RuntimeError
        If there is no compiler, or it fails.
    """
    try:
        version = importlib.metadata.version("ziglang")
    except importlib.metadata.PackageNotFoundError as error:
        raise RuntimeError(
            "WebAssembly needs a compiler: pip install ziglang, or skconv[docs]"
        ) from error
    path = BUILT / _digest(version) / "kernels.wasm"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        compiler = [sys.executable, "-m", "ziglang", "c++"]
        command = [*compiler, *OPTIONS, *FILES, "-o", str(unfinished)]
        done = subprocess.run(command, cwd=SOURCES, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
        unfinished.replace(path)
    return path


def _digest(version):
    """Identify a build by all that it is made of."""
    digest = hashlib.sha256(" ".join([version, *OPTIONS, *FILES]).encode())
    for path in sorted(SOURCES.glob("*.[ch]*")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def main():
    """Build the module, and print where it is."""
    folder = Path(sys.argv[1]) if sys.argv[1:] else BUILT
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "kernels.wasm"
    path.write_bytes(build_wasm().read_bytes())
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
