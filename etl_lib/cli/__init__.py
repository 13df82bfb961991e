"""The command `etl`: arguments, progress, exit codes.

What a command does is in the rooms below.
"""
