"""证照类型: the types this product ships, one JSON document each (read by ``licence_store.definitions``)."""
