"""`python -m clab_lite` is the command line `clab-lite`."""

from clab_lite.cli import run

if __name__ == "__main__":  # DataLoader processes import this file again where they are spawned
    run()
