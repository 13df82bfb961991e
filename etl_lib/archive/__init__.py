"""Executed notebooks: where they are kept, what they report, the pages made of them.

Nothing here runs a notebook.
"""
