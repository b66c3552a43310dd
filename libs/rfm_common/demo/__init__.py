"""A generated shop to look at the product with: its customers and orders, and their files."""

from rfm_common.demo.files import PREFIX, drop_shop, write_shop
from rfm_common.demo.lines import write_lines

__all__ = ["PREFIX", "drop_shop", "write_lines", "write_shop"]
