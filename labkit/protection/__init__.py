"""Protecting the model itself: watermarks, compression, adapters."""
