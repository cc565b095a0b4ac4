"""What all tests share: properties are checked on the same examples in every run."""

from hypothesis import settings

settings.register_profile("ntm", deadline=None, derandomize=True)
settings.load_profile("ntm")
