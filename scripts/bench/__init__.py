"""What the benchmarks share. They multiply as the server does: with one thread, which numpy is told before it loads."""

from tmws_patterns.settings import one_thread_for_products

one_thread_for_products()
