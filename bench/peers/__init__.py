"""Servers of live speech on this machine, one module each, behind bench.streaming.system."""
