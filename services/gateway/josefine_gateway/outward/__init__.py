"""Where the gateway itself may connect to: recordings by URL, callbacks. Never further than an operator has said."""
