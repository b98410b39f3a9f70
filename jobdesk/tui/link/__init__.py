"""The way to Redis and back: three threads, what they are asked, what they tell."""
