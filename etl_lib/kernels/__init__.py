"""Warm Jupyter kernels, and the papermill engine that uses them.

Knows nothing of wind: others could install it as a papermill plug-in.
"""
