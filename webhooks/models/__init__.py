from webhooks.models.delivery import Delivery
from webhooks.models.endpoint import Endpoint
from webhooks.models.replay import Replay

__all__ = ["Delivery", "Endpoint", "Replay"]
