"""What a picture's file says of how it was drawn."""
