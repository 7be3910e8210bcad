"""The versions that what is made depends on."""

from importlib import metadata

from pgt_lora import __version__


def versions(*names: str) -> dict[str, str]:
    """Return the installed versions of packages; the kit's own is known from a checkout, too."""
    return {name: __version__ if name == "pgt-lora" else metadata.version(name) for name in names}
