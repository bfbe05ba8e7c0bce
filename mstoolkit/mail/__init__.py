"""Pure knowledge of mail protocols: what a server's reply means."""

from mstoolkit.mail.classify import CATEGORIES, classify

__all__ = ["CATEGORIES", "classify"]
