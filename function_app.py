"""The composition root: a DFApp that registers the blueprints, nothing else."""

import azure.durable_functions as df
import azure.functions as func

from activities import BLUEPRINTS as ACTIVITIES
from clients import BLUEPRINTS as CLIENTS
from orchestrators import approval

app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)

for blueprint in (*CLIENTS, approval.bp, *ACTIVITIES):
    app.register_functions(blueprint)
