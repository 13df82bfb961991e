"""The command `etl`: arguments, progress, exit codes.

The work itself is in the rooms below.
"""
