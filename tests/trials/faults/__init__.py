"""Commands that are killed, run out of disk, may not write, see the clock jump, and meet a second one of their kind.

Each is the real command line, `clab_lite.cli.main` with real words, in a process of its own that is forked from one
that has imported everything: kills then fall into the work, not into the imports. POSIX only.
"""
