"""The outside world behind small interfaces: records, content, mail, plug-ins, settings, clock. `wiring.py` alone chooses implementations."""
