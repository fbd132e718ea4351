"""Settings that all tests share."""

from hypothesis import settings

# Times of single examples say nothing on shared cores, or while a kernel compiles.
settings.register_profile("algeom", deadline=None)
settings.load_profile("algeom")
