"""The same service past one machine: Ray Serve in front, one deployment of engines a model.

    serve run service.cluster:app

The ingress is the same application as that of one process, with replicas in place of schedulers.
Nothing else imports this folder, or Ray.
"""

from service.cluster.application import Arguments, app

__all__ = ["Arguments", "app"]
