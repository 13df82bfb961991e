"""Executed notebooks: where they are stored, how they are read, and the pages made of them.

Nothing here runs a notebook.
"""
