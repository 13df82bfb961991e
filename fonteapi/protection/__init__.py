"""Protects the API from its clients: the key, limits on requests and slow readers, deadlines.

Nothing here knows a route, a reading or a database.
"""
