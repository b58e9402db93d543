"""An invented world of cross-chain moves with their truth. It knows nothing of the decoders and the linker."""
