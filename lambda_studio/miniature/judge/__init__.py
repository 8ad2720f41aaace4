"""What reads drawn pictures, and the measurements of the model card."""
