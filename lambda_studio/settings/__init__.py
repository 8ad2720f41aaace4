"""Settings of one use case each, and their common base. Import them from `lambda_studio.config`."""
