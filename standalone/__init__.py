"""The embedded host: runs any Python v2 Durable Functions app on one machine, on one SQLite file.

It knows nothing of the app that it runs, and no app may import it. `contracts.py` names its seams.
"""
