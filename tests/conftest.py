"""Settings that all tests share."""

from hypothesis import settings

# Times of single examples say nothing on shared cores, or while a kernel compiles.
settings.register_profile("algeom", deadline=None, max_examples=40)
# As many as hypothesis takes by itself: pytest --hypothesis-profile=thorough
settings.register_profile("thorough", deadline=None, max_examples=100)
settings.load_profile("algeom")
