"""Executed notebooks: their archive, what they hold, the pages made of them.

Nothing here runs a notebook.
"""
