"""What the lessons stand on: files, formats, devices, the drawn sample. Nothing here is needed to follow a lesson."""
