"""Statistics into Alvo and back: its tables, the transaction of a day, the ledger.

Nothing here knows where statistics come from, or draws them.
"""
