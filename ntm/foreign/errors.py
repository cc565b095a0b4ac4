"""What a foreign file is refused with: one sentence that names the file."""

from ntm.repository.folders import RepositoryError


class ForeignFile(RepositoryError):
    """A file that is not what it was said to be, is damaged, or wants more than tensors."""
