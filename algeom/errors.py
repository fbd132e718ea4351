"""The exceptions that algeom raises: one root, and a subclass per kind of remedy."""


class AlgeomError(Exception):
    """Root of every error that algeom raises on purpose.

    A message says what was given, what was expected and what to do about it.
    """


class InputError(AlgeomError, ValueError):
    """An argument has the wrong shape, type or value."""


class NotPolynomialError(AlgeomError, TypeError):
    """A traced function did something that no polynomial or rational map does."""


class ResourceError(AlgeomError, MemoryError):
    """The work would not fit; nothing was started."""


class GenericityError(AlgeomError, ArithmeticError):
    """Random choices kept failing, which a correct input makes all but impossible."""


class CertificateError(AlgeomError):
    """A certificate is malformed, or does not prove what it claims."""
