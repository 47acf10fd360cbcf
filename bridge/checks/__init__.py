"""What `ill-bridge check` looks at: pairings and policies in the file, then the ILSs, the sources and the ledger, read-only."""
