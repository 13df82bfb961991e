"""Numbers and plots for wind people: frames in, numbers or axes out.

Pure: no connections, no files.
"""
