"""Adapters: files with LoRA updates or a full UNet, and new ones that are made of others."""
