"""Attacks on data and models, one module each; each is shown in a lab and tested where it works and where it must fail."""
