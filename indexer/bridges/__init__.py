"""Cross-chain moves: decode their halves, pair them, say what they mean for tax. Pure; no I/O."""
