"""Devicetree: schemas of bindings (YAML), sources (dts), and what both say of compatible strings."""
