"""Acceptance checks that take minutes, so they are no part of `make test`: exactness, flat memory, and kills."""
