"""What lies in a folder or a ZIP file before any layout is seen in it: names, kinds, masks."""
