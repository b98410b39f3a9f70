"""Outside services on this machine: each checks what the real one checks, over real sockets."""
