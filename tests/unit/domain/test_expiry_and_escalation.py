"""What silence brings: escalation, rejection, expiry, or approval where a policy says so."""
