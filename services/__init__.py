"""The outside world behind small interfaces: records, mail, plug-ins, settings, clock. `wiring.py` alone chooses implementations."""
