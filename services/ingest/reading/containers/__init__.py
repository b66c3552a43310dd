"""Files that are not plain text: unpacked or converted into text that the reader reads."""
