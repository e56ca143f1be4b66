"""What the benchmarks share. A benchmark multiplies as the server does: with one thread, told before numpy is loaded."""

from tmws_patterns.settings import one_thread_for_products

one_thread_for_products()
