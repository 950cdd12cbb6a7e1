//! Metered blocking channels between two parties: memory, TCP, shaped links, the handshake.
