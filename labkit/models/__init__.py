"""The few small models that the labs train."""
