"""Models side by side: runs that are kept, statistics over seeds and users, and what shows them."""
