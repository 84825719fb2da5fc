"""Run by ``confined``: take time and memory away from this process, then become the program named."""

import os
import resource
import sys


def main() -> None:
    seconds, memory = int(sys.argv[1]), int(sys.argv[2]) << 20
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (128 << 20, 128 << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.execvp(sys.argv[3], sys.argv[3:])  # noqa: S606 - the program is named by our own code


if __name__ == "__main__":
    main()
