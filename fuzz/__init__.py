"""Fuzzing of everything that reads input from a server, a Secret or a file. ``README.md`` explains how to run it."""
