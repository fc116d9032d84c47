"""Acceptance checks: exactness, flat memory, and kills. They take minutes; `make test` skips them."""
