"""What an endpoint serves: whose it is, and rolling it back."""
