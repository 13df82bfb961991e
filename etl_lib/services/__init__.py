"""Starts on this machine the services that have no address, and opens connections.

The only room that imports fonteapi.
"""
