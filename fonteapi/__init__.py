"""The Fonte API: the only way to the source database, for readers by HTTP and for a user's files.

Nothing here knows the pipeline (`etl_lib`) or Alvo.
"""
