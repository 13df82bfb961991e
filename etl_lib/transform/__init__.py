"""Arrow readings to ten-minute statistics: pure functions and their SQL.

No I/O: nothing here opens a connection or a file.
"""
