"""The activities: one unit of work each, the only code that an orchestrator causes to touch the world.

Every activity runs at least once, so it looks first whether its deed is done. What it finds it commits to the trail itself and
answers an `Envelope`: numbers and flags only, since answers stay in durable history.
"""

from activities import advance, assess, follow_up, notify, plan, validate

BLUEPRINTS = (advance.bp, validate.bp, assess.bp, plan.bp, notify.bp, follow_up.bp)
"""Every blueprint of this package, for the composition root."""
