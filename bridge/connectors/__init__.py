"""The ILS side: one folder a vendor, one contract."""
